rule plan:
    input:
        files=files_of,
        processor=processor_of,
    output:
        plan="results/{analysis}/plan.json",
    log:
        "logs/plan/{analysis}/plan.log",
    benchmark:
        "logs/plan/{analysis}/plan.tsv"
    conda:
        "../envs/nanoloom.yaml"
    threads: 2
    resources:
        mem_mb=1500,
        disk_mb=1000,
        runtime=120,
    params:
        code=code("plan"),
        settings=plan_settings,
        size=plan_size,
    shell:
        "exec python -m pipeline plan --config config/{wildcards.analysis}.yaml"
        " --size {params.size} --workers {threads} > {log} 2>&1"
