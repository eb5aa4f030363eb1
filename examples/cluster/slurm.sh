#!/usr/bin/env bash
# A search on SLURM:  sbatch slurm.sh
#
# When its time is up or it is preempted, the search stops in order and the job goes back into the queue, where this
# same script resumes it. `scancel` ends it for good; submitting the script again resumes it then, too.

#SBATCH --job-name=xoresnet
#SBATCH --output=%x-%j.log
#SBATCH --open-mode=append
#SBATCH --ntasks-per-node=1
#SBATCH --requeue
# the signal that lets the search stop in order, so many seconds before the time is up, to this script alone:
#SBATCH --signal=B:TERM@120
# the search goes on if it loses a machine:
#SBATCH --no-kill

# shellcheck disable=SC1091,SC2317,SC2329  # a file of the user's, and a function that srun calls

# ---- Change only what is between these lines. ------------------------------------------------------------------------
#SBATCH --nodes=2
#SBATCH --cpus-per-task=8
##SBATCH --gpus-per-node=1
#SBATCH --time=04:00:00

run=$HOME/runs/cifar           # a folder that all nodes see, or a URL
search=(cifar budget=200)      # what follows `xoresnet search`: a preset or file, and settings
. "$HOME/xoresnet/.venv/bin/activate"  # all nodes take over the environment that this line makes
ip=$(hostname --ip-address | cut -d' ' -f1)  # the first node's, as the others reach it
# ----------------------------------------------------------------------------------------------------------------------

set -euo pipefail

# Neither one that Linux may give to a connection before the node has started, nor one that Ray takes by itself.
free_port() {
  python -c 'import contextlib, random, socket
while True:
    port = random.randrange(24000, 32768)
    with contextlib.suppress(OSError), socket.socket() as free:
        free.bind(("", port))
        print(port)
        break'
}

# Other jobs may use the same machines: every job has its own port, folder and token. Without the token nobody joins.
port=$(free_port)
folder=/tmp/ray-$SLURM_JOB_ID  # a short path, because sockets lie in it
client=()
# Ray Client is not used, but where gRPC is installed it takes a fixed port, and ends the node if that is taken
if python -c 'import grpc' 2>/dev/null; then client=("--ray-client-server-port=$(free_port)"); fi
RAY_AUTH_TOKEN=$(python -c 'import secrets; print(secrets.token_hex(32))')
export RAY_AUTH_TOKEN RAY_AUTH_MODE=token

# Runs on each node. Preemption sends SIGTERM to the nodes alone: it is passed on to the search, which needs the nodes
# until it has stopped.
node() {
  # shellcheck disable=SC2064  # the values of now
  trap "kill -TERM $batch 2>/dev/null" TERM # on the first node, where this script runs
  [ "$SLURM_NODEID" = 0 ] || trap '' TERM
  local words=(--block --disable-usage-stats "--num-cpus=$SLURM_CPUS_ON_NODE" "--num-gpus=${SLURM_GPUS_ON_NODE:-0}")
  words+=(--object-store-memory=2000000000) # instead of a third of a machine's memory, which others use, too
  if [ "$SLURM_NODEID" = 0 ]; then
    words+=(--head "--node-ip-address=$1" "--port=$2" "--temp-dir=$3" --include-dashboard=false "${@:4}")
  else
    words+=("--address=$1:$2")
    until (: >"/dev/tcp/$1/$2") 2>/dev/null; do sleep 1; done
  fi
  (trap - TERM && exec ray start "${words[@]}") &
  # shellcheck disable=SC2064
  trap "kill $!" USR1
  while kill -0 $! 2>/dev/null; do wait || true; done
  rm -rf "$3"
}
export -f node
export batch=$$
export SRUN_CPUS_PER_TASK=${SLURM_CPUS_PER_TASK:-1} # which srun does not take over from sbatch
srun --no-kill --kill-on-bad-exit=0 bash -c 'node "$@"' node "$ip" "$port" "$folder" "${client[@]}" \
  >>"$SLURM_JOB_NAME-$SLURM_JOB_ID-nodes.log" 2>&1 &
nodes=$!

xoresnet search "${search[@]}" --run "$run" --address "$ip:$port" --wait-for-nodes "$SLURM_JOB_NUM_NODES" &
driver=$!
stopped=
trap '[ -n "$stopped" ] || kill -TERM "$driver"; stopped=yes' TERM
while kill -0 "$driver" 2>/dev/null; do wait "$driver" || true; done # a signal ends `wait`, not the search
code=0
wait "$driver" || code=$?
trap '' TERM

# a job that was cancelled is not RUNNING any more
if [ -n "$stopped" ] && [ "$code" != 0 ] && [ "$(squeue --noheader --format=%T --jobs="$SLURM_JOB_ID")" = RUNNING ]; then
  scontrol requeue "$SLURM_JOB_ID"
fi
kill -USR1 "$nodes"
wait "$nodes" || true
exit "$code"
