rule plot:
    input:
        metrics="results/{analysis}/metrics.json",
        roc="results/{analysis}/roc.json",
        yields="results/{analysis}/yields.json",
        uhi="results/{analysis}/histograms.json",
        models=model_folders,
    output:
        figures=directory("results/{analysis}/figures"),
    log:
        "logs/plot/{analysis}/plot.log",
    benchmark:
        "logs/plot/{analysis}/plot.tsv"
    conda:
        "../envs/nanoloom.yaml"
    resources:
        mem_mb=1000,
        disk_mb=1000,
        runtime=60,
    params:
        code=code("plot"),
        settings=settings(dependencies.plot_settings),
    shell:
        "exec python -m pipeline plot --config config/{wildcards.analysis}.yaml > {log} 2>&1"


rule report:
    input:
        config="config/{analysis}.yaml",
        plan="results/{analysis}/plan.json",
        summary="results/{analysis}/summary.json",
        metrics="results/{analysis}/metrics.json",
        yields="results/{analysis}/yields.json",
        figures="results/{analysis}/figures",
    output:
        report="results/{analysis}/report.html",
    log:
        "logs/report/{analysis}/report.log",
    conda:
        "../envs/nanoloom.yaml"
    resources:
        mem_mb=500,
        disk_mb=1000,
        runtime=20,
    params:
        code=code("report"),
    shell:
        "exec python -m pipeline report --config {input.config} > {log} 2>&1"
