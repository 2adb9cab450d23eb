rule train:
    input:
        plan="results/{analysis}/plan.json",
        summary="results/{analysis}/summary.json",
        processor=processor_of,
        model=model_of,
    output:
        model=directory("results/{analysis}/models/{model}/fold{fold}"),
    log:
        "logs/train/{analysis}/{model}_fold{fold}.log",
    benchmark:
        "logs/train/{analysis}/{model}_fold{fold}.tsv"
    conda:
        "../envs/nanoloom.yaml"
    threads: training_threads
    resources:
        mem_mb=training_memory_mb,
        disk_mb=4000,
        runtime=480,
        readers=1,
    params:
        code=code("train"),
        settings=settings(dependencies.train_settings),
    shell:
        "exec python -m pipeline train --config config/{wildcards.analysis}.yaml"
        " --model {wildcards.model} --fold {wildcards.fold} --workers {resources.readers} > {log} 2>&1"
