#!/usr/bin/env bash
# The same analysis in this machine's processes and as jobs of a real HTCondor pool: are the results the same, byte for byte?
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

SIZE=${SIZE:-0.05}
ANALYSIS=${ANALYSIS:-hh_bbww}
CORES=${CORES:-2}
FOLDER=$PWD/.scratch/demo-htcondor
export POOL=$FOLDER/pool POOL_CPUS=$CORES

pool() {
    "$FOLDER/../../tests/cluster/htcondor_pool.sh" "$@"
}

# A copy of the project for each, so that neither sees a product of the other.
run() {
    local place=$1
    shift
    mkdir -p "$FOLDER/$place"
    cp -r Snakefile config models pipeline processors snakemake "$FOLDER/$place"
    echo "$place: started"
    local start=$SECONDS
    (cd "$FOLDER/$place" && "$@" --config analyses="$ANALYSIS" size="$SIZE") >"$FOLDER/$place.log" 2>&1 || {
        tail -n 50 "$FOLDER/$place.log"
        echo "$place: failed; all of it is in $FOLDER/$place.log"
        return 1
    }
    echo "$place: done after $((SECONDS - start)) s"
}

rm -rf "$FOLDER"
mkdir -p "$FOLDER"
pool install
trap 'pool stop' EXIT
pool start
run local python -m snakemake --cores "$CORES" --workflow-profile snakemake/profiles/local
# Where there is one machine, files are there at once and asking every second disturbs nobody.
run htcondor pool run python -m snakemake --workflow-profile snakemake/profiles/lxplus \
    --latency-wait 5 --seconds-between-status-checks 1
echo "Jobs as HTCondor had them: cores, memory in MB, disk in kB, flavour, exit code, seconds in the queue and at work"
pool run condor_history -af JobBatchName RequestCpus RequestMemory RequestDisk JobFlavour ExitCode \
    JobStartDate-QDate CompletionDate-JobStartDate
for product in metrics.json roc.json yields.json histograms.json; do
    cmp "$FOLDER"/{local,htcondor}/results/"$ANALYSIS/$product"
    echo "$product: identical, $(sha256sum <"$FOLDER/local/results/$ANALYSIS/$product" | cut -c1-16)"
done
