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
    params:
        code=code_digest(
            *SELECTION_CODE, "pipeline/statistics", "pipeline/learning/summarise.py"
        ),
        settings=settings("folds", "selection", "inputs", "task", "training", "models"),
    shell:
        "python -m pipeline summarise --config config/{wildcards.analysis}.yaml --workers {threads} > {log} 2>&1"
