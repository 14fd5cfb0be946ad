#!/bin/bash
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What the playbook `upgrade` is measured against: the manual steps for a Nomad cluster, as its documentation has them
# (https://developer.hashicorp.com/nomad/docs/upgrade), by plain shell over ssh. It has no plan, no way back and no second run.
#
# usage: upgrade.sh CLUSTER BUNDLE SSH_CONFIG VERSION NAME=ADDRESS=PART ...      PART: manager, or the name of a pool
set -euo pipefail

cluster=$1 bundle=$2 ssh_config=$3 version=$4
shift 4
all=("$@")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
remote() { ssh -F "$ssh_config" -o ControlMaster=auto -o ControlPersist=60 -o ControlPath="$work/%C" "$@"; }

digest=$(python3 - "$bundle/index.json" "$version" <<'PYTHON'
import json, sys
[file] = json.load(open(sys.argv[1]))["artifacts"]["nomad"][sys.argv[2]]["amd64"]["files"]
print(file["digest"].removeprefix("sha256:"))
PYTHON
)
[ -e "$bundle/blobs/sha256/$digest" ] && blob=$bundle/blobs/sha256/$digest || blob=$bundle/blobs/$digest

# --- the new version to all hosts, beside the old one -------------------------------------------------------------------
jobs=()
for entry in "${all[@]}"; do
  IFS='=' read -r _name address _part <<<"$entry"
  remote "$address" "set -e; install -d -m 0755 /opt/keelson/nomad/$version; cat > /opt/keelson/nomad/$version/nomad
    echo '$digest  /opt/keelson/nomad/$version/nomad' | sha256sum --quiet --check; chmod 0755 /opt/keelson/nomad/$version/nomad" < "$blob" &
  jobs+=($!)
done
for job in "${jobs[@]}"; do wait "$job"; done

ask() { remote "$manager" "set -a; . /etc/keelson/$cluster/nomad.env; nomad $*" </dev/null; }
well() { ask operator api -X GET /v1/operator/autopilot/health 2>/dev/null | grep -o '"Healthy":true' | wc -l; }
switch() { remote "$1" "ln -sfn $version /opt/keelson/nomad/current; systemctl restart nomad" </dev/null; }

# --- servers one at a time, the leader last -------------------------------------------------------------------------------
managers=()
for entry in "${all[@]}"; do [[ $entry == *=manager ]] && managers+=("$(cut -d= -f2 <<<"$entry")"); done
manager=${managers[0]}
leader=$(ask operator api -X GET /v1/status/leader | tr -d '"' | cut -d: -f1)
for address in $(printf '%s\n' "${managers[@]}" | grep -vxF "$leader") "$leader"; do
  until [ "$(well)" = $((${#managers[@]} + 1)) ]; do sleep 0.5; done
  switch "$address"
done
until [ "$(well)" = $((${#managers[@]} + 1)) ]; do sleep 0.5; done

# --- clients one at a time: drained, restarted, given work again ----------------------------------------------------------
for entry in "${all[@]}"; do
  IFS='=' read -r name address part <<<"$entry"
  [ "$part" != manager ] || continue
  id=$(ask operator api -X GET /v1/nodes | python3 -c "
import json, sys
print(next(n['ID'] for n in json.load(sys.stdin) if n['Name'] == '$name' and n['Status'] == 'ready'))")
  ask node drain -enable -yes -deadline 10m -ignore-system "$id" > /dev/null
  switch "$address"
  until ask operator api -X GET /v1/nodes | python3 -c "
import json, sys
[node] = [n for n in json.load(sys.stdin) if n['ID'] == '$id']
good = all(node['Drivers'].get(d, {}).get('Healthy') for d in ('docker', 'exec'))
sys.exit(not (node['Status'] == 'ready' and node['Version'] == '$version' and good))"; do sleep 0.5; done
  ask node eligibility -enable "$id" > /dev/null
done
echo "$cluster: ${#all[@]} hosts at $version"
