rule summarise:
    input:
        plan="results/{analysis}/plan.json",
        processor=processor_of,
    output:
        summary="results/{analysis}/summary.json",
    log:
        "logs/summarise/{analysis}/summarise.log",
    benchmark:
        "logs/summarise/{analysis}/summarise.tsv"
    conda:
        "../envs/nanoloom.yaml"
    threads: 2
    resources:
        mem_mb=1500,
        disk_mb=4000,
        runtime=480,
    params:
        code=code("summarise"),
        settings=settings(dependencies.summarise_settings),
    shell:
        "exec python -m pipeline summarise --config config/{wildcards.analysis}.yaml --workers {threads} > {log} 2>&1"
