#!/usr/bin/env bash
# A real HTCondor pool of one machine, on loopback, for tests:  htcondor_pool.sh install | start | run COMMAND... | stop
#
#   install   unpacks HTCondor of Debian 13 into a folder of its own: needs root, apt and a package mirror; 10 s, 300 MB.
#             Nothing of the machine is changed: the programs bring their own C library along. Beside it comes a Python with
#             Snakemake's plugins for HTCondor and Slurm, and what dask's workers there need, on top of the `python3` that is
#             found first and sees all of its packages.
#   start     starts the daemons and waits until a machine offers its slot; they end by themselves after POOL_SECONDS.
#   run       runs a command that talks to this pool (condor_q, python -m snakemake --executor htcondor, ...).
#   stop      ends the daemons and what they run, by process id.
#
# The pool pretends to have one GPU. A process needs its token, which only this user can read, to submit or to look.
set -euo pipefail

REPOSITORY=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
HTCONDOR=${HTCONDOR:-$REPOSITORY/.scratch/htcondor} # the programs
POOL=${POOL:-$REPOSITORY/.scratch/htcondor-pool}    # configuration, logs, queue and jobs' folders of one pool
POOL_CPUS=${POOL_CPUS:-2}
POOL_MEMORY_MB=${POOL_MEMORY_MB:-6000}
POOL_SECONDS=${POOL_SECONDS:-1800}
PYTHON=$HTCONDOR/python
LIBRARIES=$HTCONDOR/usr/lib/x86_64-linux-gnu:$HTCONDOR/usr/lib/condor:$HTCONDOR/usr/lib
LOADER=$HTCONDOR/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2

main() {
    case "${1:-}" in
    install) install_programs && install_plugins ;;
    start) start_pool ;;
    run) shift && as_user "$@" ;;
    stop) stop_pool ;;
    *) sed -n 2,14p "$0" && exit 2 ;;
    esac
}

# As root HTCondor would give every job to another user, which a container does not allow. In a user namespace in which this
# process has the number of an ordinary user (games, of every Debian), it runs the jobs as the one who started it.
as_user() {
    local environment
    environment=(CONDOR_CONFIG="$POOL/condor_config" PATH="$PYTHON/bin:$HTCONDOR/usr/bin:$HTCONDOR/usr/sbin:$PATH")
    if [ "$(id -u)" = 0 ]; then
        env "${environment[@]}" USER=games LOGNAME=games unshare --user --map-user=5 --map-group=60 "$@"
    else
        env "${environment[@]}" "$@"
    fi
}

install_programs() {
    [ ! -x "$HTCONDOR/usr/bin/condor_version" ] || return 0
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    download "$work"
    # Of what HTCondor depends on, these are not used; HTCondor is unpacked last, so that half an installation is none.
    rm -f "$work"/cache/archives/{python3,perl,libperl,debconf,adduser,passwd,tzdata,dpkg,tar_,ca-cert}*
    mkdir -p "$HTCONDOR"
    for package in $(ls "$work"/cache/archives/*.deb | grep -v /condor_) "$work"/cache/archives/condor_*; do
        dpkg-deb -x "$package" "$HTCONDOR"
    done
    bind_to_own_libraries
    "$HTCONDOR/usr/bin/condor_version"
}

# An apt of its own, which believes that nothing is installed, so that it brings every library; from the machine's mirror.
download() {
    local mirror
    mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | grep -oE 'https?://[^ ]+/debian( |/? *$)' | head -n 1) || true
    mkdir -p "$1"/{state/lists/partial,cache/archives/partial}
    : >"$1/state/status"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror:-http://deb.debian.org/debian} trixie main" >"$1/sources.list"
    cat >"$1/apt.conf" <<CONFIG
Dir::State "$1/state";
Dir::State::status "$1/state/status";
Dir::Cache "$1/cache";
Dir::Etc::SourceList "$1/sources.list";
Dir::Etc::SourceParts "/dev/null";
APT::Sandbox::User "root";
APT::Install-Recommends "false";
CONFIG
    APT_CONFIG=$1/apt.conf apt-get -qq update
    APT_CONFIG=$1/apt.conf apt-get -qq install --yes --download-only condor patchelf >"$1/apt.log" || { cat "$1/apt.log" >&2 && return 1; }
}

# Apart from the project's own packages, of which these are extras: Snakemake imports every plugin that is installed, and that of HTCondor warns where no pool is.
install_plugins() {
    local packages above
    packages=$(python3 -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    above=$PYTHON/lib/$(basename "$(dirname "$packages")")/site-packages
    [ "$(cat "$above/below.pth" 2>/dev/null)" != "$packages" ] || return 0
    rm -rf "$PYTHON"
    python3 -m venv --without-pip "$PYTHON"
    python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$above" \
        snakemake-executor-plugin-htcondor==0.3.0 htcondor==24.12.24 \
        snakemake-executor-plugin-slurm==2.8.0 snakemake-executor-plugin-slurm-jobstep==0.6.1 \
        dask-jobqueue==0.9.0 cryptography==50.0.2 cffi==2.1.1 pycparser==3.12 || {
        rm -rf "$PYTHON"
        return 1
    }
    echo "$packages" >"$above/below.pth"
}

# The programs start one another, so each must find the C library of Debian 13 by itself.
bind_to_own_libraries() {
    find "$HTCONDOR"/usr/{bin,sbin,libexec/condor} -type f | while read -r program; do
        if head -c 4 "$program" | grep -q ELF && [ "${program##*/}" != patchelf ]; then
            "$LOADER" --library-path "$LIBRARIES" "$HTCONDOR/usr/bin/patchelf" \
                --set-interpreter "$LOADER" --force-rpath --set-rpath "$LIBRARIES" "$program" 2>/dev/null || true
        fi
    done
}

start_pool() {
    [ -x "$HTCONDOR/usr/sbin/condor_master" ] || { echo "No HTCondor in $HTCONDOR. Run $0 install." >&2 && exit 1; }
    ! is_running || { echo "A pool runs already in $POOL. Run $0 stop." >&2 && exit 1; }
    mkdir -p "$POOL"/{run,log,lock,spool,execute,credentials,passwords,tokens}
    chmod 700 "$POOL"/{credentials,passwords,tokens}
    write_configuration "$(free_port)"
    make_token
    # SIGQUIT is condor_master's fast shutdown.
    as_user timeout --signal=QUIT --kill-after=20 "$POOL_SECONDS" \
        condor_master -f -pidfile "$POOL/pid" >"$POOL/log/master.out" 2>&1 </dev/null &
    for _ in $(seq 120); do
        if as_user condor_status -af Name 2>/dev/null | grep -q slot; then return; fi
        kill -0 $! || break
        sleep 0.25
    done
    echo "The pool did not come up within 30 s. The end of $POOL/log/MasterLog:" >&2
    tail -n 20 "$POOL/log/MasterLog" "$POOL/log/master.out" >&2
    stop_pool
    exit 1
}

stop_pool() {
    is_running || return 0
    local process
    process=$(cat "$POOL/pid")
    kill -QUIT "$process"
    for _ in $(seq 120); do
        is_running || { rm -f "$POOL/pid" && return 0; }
        sleep 0.25
    done
    echo "The pool (process $process) did not end within 30 s. Look into $POOL/log." >&2
    return 1
}

is_running() {
    [ -f "$POOL/pid" ] && kill -0 "$(cat "$POOL/pid")" 2>/dev/null
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

make_token() {
    (umask 077 && head -c 64 /dev/urandom >"$POOL/passwords/POOL")
    (umask 077 && as_user condor_token_create -identity tester@pool.test >"$POOL/tokens/tester")
}

write_configuration() {
    cat >"$POOL/condor_config" <<CONFIG
RELEASE_DIR = $HTCONDOR/usr
LOCAL_DIR = $POOL
BIN = \$(RELEASE_DIR)/bin
SBIN = \$(RELEASE_DIR)/sbin
LIB = \$(RELEASE_DIR)/lib/condor
LIBEXEC = \$(RELEASE_DIR)/libexec/condor
SHARE = \$(RELEASE_DIR)/share/condor
RUN = \$(LOCAL_DIR)/run
LOG = \$(LOCAL_DIR)/log
LOCK = \$(LOCAL_DIR)/lock
SPOOL = \$(LOCAL_DIR)/spool
EXECUTE = \$(LOCAL_DIR)/execute
LOCAL_CONFIG_DIR =
REQUIRE_LOCAL_CONFIG_FILE = false
DAEMON_LIST = MASTER COLLECTOR NEGOTIATOR SCHEDD STARTD

# One machine that only its own loopback reaches, without names to look up.
CONDOR_HOST = 127.0.0.1
COLLECTOR_NAME = test
COLLECTOR_HOST = 127.0.0.1:$1
SHARED_PORT_PORT = $1
USE_SHARED_PORT = true
NETWORK_INTERFACE = 127.0.0.1
NETWORK_HOSTNAME = localhost
FULL_HOSTNAME = localhost
DEFAULT_DOMAIN_NAME = test
BIND_ALL_INTERFACES = false
ENABLE_IPV6 = false
NO_DNS = true
UID_DOMAIN = pool.test
FILESYSTEM_DOMAIN = pool.test
TRUST_UID_DOMAIN = true

# Only the holder of the token gets in, for everything.
SEC_PASSWORD_DIRECTORY = \$(LOCAL_DIR)/passwords
SEC_TOKEN_SYSTEM_DIRECTORY = \$(LOCAL_DIR)/tokens
SEC_TOKEN_DIRECTORY = \$(LOCAL_DIR)/tokens
SEC_TOKEN_POOL_SIGNING_KEY_FILE = \$(LOCAL_DIR)/passwords/POOL
SEC_CREDENTIAL_DIRECTORY = \$(LOCAL_DIR)/credentials
TRUST_DOMAIN = pool.test
SEC_DEFAULT_AUTHENTICATION = REQUIRED
SEC_DEFAULT_AUTHENTICATION_METHODS = IDTOKENS
SEC_CLIENT_AUTHENTICATION_METHODS = IDTOKENS
ALLOW_READ = *@pool.test
ALLOW_WRITE = *@pool.test
ALLOW_DAEMON = *@pool.test
ALLOW_ADMINISTRATOR = *@pool.test
ALLOW_NEGOTIATOR = *@pool.test
ALLOW_ADVERTISE_MASTER = *@pool.test
ALLOW_ADVERTISE_STARTD = *@pool.test
ALLOW_ADVERTISE_SCHEDD = *@pool.test
ALLOW_CLIENT = *

# One slot that is divided by what jobs request; a GPU that is none.
NUM_CPUS = $POOL_CPUS
MEMORY = $POOL_MEMORY_MB
NUM_SLOTS = 1
NUM_SLOTS_TYPE_1 = 1
SLOT_TYPE_1 = 100%
SLOT_TYPE_1_PARTITIONABLE = TRUE
MACHINE_RESOURCE_GPUS = CUDA0
START = TRUE
RUNBENCHMARKS = False

# Seconds, where a pool of thousands of machines takes minutes.
NEGOTIATOR_INTERVAL = 2
NEGOTIATOR_CYCLE_DELAY = 2
NEGOTIATOR_MIN_INTERVAL = 1
SCHEDD_INTERVAL = 2
SCHEDD_MIN_INTERVAL = 1
UPDATE_INTERVAL = 5
POLLING_INTERVAL = 2
MachineMaxVacateTime = 5

# What a container does not give: kernel settings, a keyring, control groups, mail.
ENABLE_KERNEL_TUNING = false
DISCARD_SESSION_KEYRING_ON_STARTUP = False
BASE_CGROUP =
CGROUP_MEMORY_LIMIT_POLICY = none
MAIL = /bin/true
CONFIG
}

main "$@"
