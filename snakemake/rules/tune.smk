# Only made when asked for: snakemake results/<analysis>/tune/<model>/best.yaml. A search that was killed goes on: what it knows
# is kept beside these products.
rule tune:
    input:
        plan="results/{analysis}/plan.json",
        summary="results/{analysis}/summary.json",
        processor=processor_of,
        model=model_of,
    output:
        best="results/{analysis}/tune/{model}/best.yaml",
        trials="results/{analysis}/tune/{model}/trials.csv",
        losses=multiext("results/{analysis}/tune/{model}/trials", ".png", ".pdf"),
        search=multiext("results/{analysis}/tune/{model}/search", ".png", ".pdf"),
    log:
        "logs/tune/{analysis}/{model}.log",
    benchmark:
        "logs/tune/{analysis}/{model}.tsv"
    wildcard_constraints:
        model="|".join(TUNED) or "none",
    conda:
        "../envs/nanoloom.yaml"
    threads: training_threads
    resources:
        mem_mb=training_memory_mb,
        disk_mb=4000,
        runtime=480,
        trials=1,
    params:
        code=code("tune"),
        settings=settings(dependencies.tune_settings),
    shell:
        "exec python -m pipeline tune --config config/{wildcards.analysis}.yaml"
        " --model {wildcards.model} --workers {resources.trials} > {log} 2>&1"
