# Contents of the workflow: one file of rules a stage. `snakemake --cores N` makes everything for every analysis in config/.

from snakemake.utils import min_version

min_version("9.0")


include: "snakemake/rules/common.smk"
include: "snakemake/rules/data.smk"
include: "snakemake/rules/plan.smk"
include: "snakemake/rules/summarise.smk"
include: "snakemake/rules/tune.smk"
include: "snakemake/rules/train.smk"
include: "snakemake/rules/score.smk"
include: "snakemake/rules/evaluate.smk"
include: "snakemake/rules/report.smk"


rule all:
    default_target: True
    input:
        expand("results/{analysis}/report.html", analysis=ANALYSES),


include: "snakemake/rules/batch.smk"
