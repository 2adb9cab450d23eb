rule evaluate:
    input:
        plan="results/{analysis}/plan.json",
        summary="results/{analysis}/summary.json",
        counts=scored("results/{analysis}/histograms/{dataset}.npz"),
        evaluations=scored("results/{analysis}/evaluations/{dataset}.npz"),
        models=model_folders,
    output:
        metrics="results/{analysis}/metrics.json",
        roc="results/{analysis}/roc.json",
        yields="results/{analysis}/yields.json",
        histograms="results/{analysis}/histograms.root",
        uhi="results/{analysis}/histograms.json",
    log:
        "logs/evaluate/{analysis}/evaluate.log",
    benchmark:
        "logs/evaluate/{analysis}/evaluate.tsv"
    conda:
        "../envs/nanoloom.yaml"
    resources:
        mem_mb=1500,
        disk_mb=1000,
        runtime=60,
    params:
        code=code("evaluate"),
        settings=settings(dependencies.evaluate_settings),
    shell:
        "exec python -m pipeline evaluate --config config/{wildcards.analysis}.yaml > {log} 2>&1"
