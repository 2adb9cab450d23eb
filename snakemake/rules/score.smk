rule score:
    input:
        plan="results/{analysis}/plan.json",
        summary="results/{analysis}/summary.json",
        processor=processor_of,
        models=model_folders,
    output:
        scores="results/{analysis}/scores/{dataset}.root",
        histograms="results/{analysis}/histograms/{dataset}.root",
        counts="results/{analysis}/histograms/{dataset}.npz",
        evaluations="results/{analysis}/evaluations/{dataset}.npz",
        pictures="results/{analysis}/pictures/{dataset}.npz",
        ledger="results/{analysis}/scores/{dataset}.ledger.json",
    log:
        "logs/score/{analysis}/{dataset}.log",
    benchmark:
        "logs/score/{analysis}/{dataset}.tsv"
    conda:
        "../envs/nanoloom.yaml"
    threads: 2
    resources:
        mem_mb=1500,
        disk_mb=4000,
        runtime=480,
    params:
        code=code("score"),
        settings=settings(dependencies.score_settings),
    shell:
        "exec python -m pipeline score --config config/{wildcards.analysis}.yaml"
        " --dataset {wildcards.dataset} --workers {threads} > {log} 2>&1"
