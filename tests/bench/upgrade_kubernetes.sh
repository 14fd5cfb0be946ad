#!/bin/bash
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What the playbook `upgrade` is measured against: the manual steps for a cluster made by kubeadm, as its documentation has them
# (https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-upgrade/), by plain shell over ssh. It has no plan, no way
# back and no second run; the pod network and the container runtime stay as they are.
#
# usage: upgrade_kubernetes.sh CLUSTER BUNDLE SSH_CONFIG VERSION NAME=ADDRESS=PART ...      PART: manager, or the name of a pool
set -euo pipefail

cluster=$1 bundle=$2 ssh_config=$3 version=$4
shift 4
all=("$@")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
remote() { ssh -F "$ssh_config" -o ControlMaster=auto -o ControlPersist=60 -o ControlPath="$work/%C" "$@"; }

# Lines of ARTIFACT FILE DIGEST: programs and images of the version, and those of etcd and CoreDNS that it expects.
python3 - "$bundle/index.json" "$(dirname "$0")/../../artifacts" "$version" > "$work/bundle" <<'PYTHON'
import json, sys, yaml

artifacts = json.load(open(sys.argv[1]))["artifacts"]
for name in ("kubeadm", "kubelet", "kubectl", "kubernetes-images", "etcd", "coredns"):
    known = yaml.safe_load(open(f"{sys.argv[2]}/{name}.yml"))["versions"]
    version = sys.argv[3] if name.startswith("kube") else str(known[0]["version"])
    entry = artifacts[name][version]["amd64"]
    for item in entry["files"]:
        print(name, item["path"], item["digest"].removeprefix("sha256:"))
    for item in entry["images"]:
        print(name, item["name"].replace("/", "_").replace(":", "_") + ".tar", item["digest"].removeprefix("sha256:"))
PYTHON
first_blob=$(awk 'NR == 1 {print $3}' "$work/bundle")
[ -e "$bundle/blobs/sha256/$first_blob" ] && blobs=$bundle/blobs/sha256 || blobs=$bundle/blobs

on_host() { # in the folder of what was brought: images are loaded, programs lie ready
  set -euo pipefail
  for image in *.tar; do ctr --namespace k8s.io images import "$image" > /dev/null; done
  install -d -m 0755 /root/new
  for program in kubeadm kubelet kubectl; do [ ! -e "$program" ] || install -m 0755 "$program" /root/new/; done
}

bring() { # NAME ADDRESS PART
  local folder=$work/hosts/$1 artifact name digest
  mkdir -p "$folder"
  while read -r artifact name digest; do
    case $3/$artifact/$name in
      manager/*/*.tar | manager/kube*/* | */kubernetes-images/*kube-proxy* | */kubeadm/* | */kubelet/*) ln -s "$blobs/$digest" "$folder/$name" ;;
    esac
  done < "$work/bundle"
  { declare -f on_host; echo on_host; } > "$folder/run.sh"
  tar --create --dereference --directory "$folder" . |
    remote "$2" 'folder=$(mktemp -d /var/lib/XXXXXX) && cd "$folder" && tar -x && bash run.sh && rm -rf "$folder"'
}
jobs=()
for entry in "${all[@]}"; do
  IFS='=' read -r name address part <<<"$entry"
  bring "$name" "$address" "$part" &
  jobs+=($!)
done
for job in "${jobs[@]}"; do wait "$job"; done

manager='' first=1
for entry in "${all[@]}"; do [[ $entry != *=manager ]] || [ "$manager" ] || manager=$(cut -d= -f2 <<<"$entry"); done
kubectl() { remote "$manager" "KUBECONFIG=/etc/kubernetes/admin.conf kubectl $*" </dev/null; }
ignored=--ignore-preflight-errors=SystemVerification
place() { remote "$1" "rm -f /usr/local/bin/$2; install -m 0755 /root/new/$2 /usr/local/bin/$2" </dev/null; }
agents() { # NAME ADDRESS
  kubectl drain "$1" --ignore-daemonsets --delete-emptydir-data --timeout=10m > /dev/null
  place "$2" kubelet
  remote "$2" "[ ! -e /root/new/kubectl ] || install -m 0755 /root/new/kubectl /usr/local/bin/kubectl.new && mv -f /usr/local/bin/kubectl.new /usr/local/bin/kubectl
    systemctl restart kubelet" </dev/null
  until kubectl get node "$1" -o wide --no-headers 2>/dev/null | grep -q "Ready.* v$version "; do sleep 0.5; done
  kubectl uncordon "$1" > /dev/null
}

# --- managers one at a time, then host nodes one at a time -----------------------------------------------------------------
for entry in "${all[@]}"; do
  IFS='=' read -r name address part <<<"$entry"
  [ "$part" = manager ] || continue
  place "$address" kubeadm
  if [ "$first" ]; then
    remote "$address" "kubeadm upgrade apply --yes --patches /etc/kubernetes/patches $ignored v$version > /dev/null 2>&1" </dev/null
  else
    remote "$address" "kubeadm upgrade node --patches /etc/kubernetes/patches $ignored > /dev/null 2>&1" </dev/null
  fi
  first=''
  agents "$name" "$address"
done
for entry in "${all[@]}"; do
  IFS='=' read -r name address part <<<"$entry"
  [ "$part" != manager ] || continue
  place "$address" kubeadm
  remote "$address" "kubeadm upgrade node --patches /etc/kubernetes/patches $ignored > /dev/null 2>&1" </dev/null
  agents "$name" "$address"
done
echo "$cluster: ${#all[@]} hosts at $version"
