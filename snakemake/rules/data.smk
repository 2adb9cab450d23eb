rule simulate:
    input:
        card=simulate_card,
    output:
        events="results/{analysis}/simulated/{dataset}_{index}.root",
    log:
        "logs/simulate/{analysis}/{dataset}_{index}.log",
    benchmark:
        "logs/simulate/{analysis}/{dataset}_{index}.tsv"
    conda:
        "../envs/nanoloom.yaml"
    resources:
        mem_mb=1000,
        disk_mb=1000,
        runtime=20,
    params:
        code=code("simulate"),
        settings=simulate_settings,
        events=simulate_events,
    shell:
        "exec python -m pipeline simulate --config config/{wildcards.analysis}.yaml --events {params.events}"
        " --dataset {wildcards.dataset} --index {wildcards.index} --output {output.events} > {log} 2>&1"


rule fetch:
    output:
        folder=directory("results/{analysis}/fetched/{dataset}"),
    log:
        "logs/fetch/{analysis}/{dataset}.log",
    conda:
        "../envs/nanoloom.yaml"
    resources:
        mem_mb=500,
        disk_mb=1000,
        runtime=20,
    params:
        code=code("fetch"),
        settings=settings(dependencies.fetch_settings),
    shell:
        "exec python -m pipeline fetch --config config/{wildcards.analysis}.yaml"
        " --dataset {wildcards.dataset} --output {output.folder} > {log} 2>&1"
