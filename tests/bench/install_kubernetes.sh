#!/bin/bash
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What the playbook `install` is measured against with engine kubernetes: the same cluster from the same bundle by plain
# shell over ssh, on bare servers, once. It knows that these servers are containers with cgroup v1; it has no second run,
# no check mode, no way back from an interruption, and the managers' keys travel as kubeadm's users copy them.
#
# usage: install_kubernetes.sh CLUSTER BUNDLE SSH_CONFIG NAME=ADDRESS=PART ...      PART: manager, or the name of a pool
set -euo pipefail

cluster=$1 bundle=$2 ssh_config=$3
shift 3
all=("$@")
managers=()
for entry in "${all[@]}"; do [[ $entry == *=manager ]] && managers+=("$(cut -d= -f1,2 <<<"$entry")"); done
first=${managers[0]#*=}
vip=${first%.*}.100
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 077
remote() { ssh -F "$ssh_config" -o ControlMaster=auto -o ControlPersist=60 -o ControlPath="$work/%C" "$@"; }

# --- the bundle: lines of KIND ARTIFACT NAME VERSION DIGEST; a file has its path as name, and no version ---------------
python3 - "$bundle/index.json" "$(dirname "$0")/../../artifacts" > "$work/bundle" <<'PYTHON'
import json, sys, yaml

artifacts = json.load(open(sys.argv[1]))["artifacts"]
desired = ("kubeadm", "kubelet", "kubectl", "kubernetes-images", "kubernetes-host", "containerd", "runc", "cni-plugins",
          "crictl", "etcd", "coredns", "pause", "calico", "endpoint-vip")
for name in desired:
    versions = [str(entry["version"]) for entry in yaml.safe_load(open(f"{sys.argv[2]}/{name}.yml"))["versions"]]
    entry = artifacts[name][versions[0]]["amd64"]
    for item in entry["files"]:
        print("file", name, item["path"].rpartition("/")[2], "-", item["digest"].removeprefix("sha256:"))
    for item in entry["packages"]:
        print("package", name, item["name"], item["version"], item["digest"].removeprefix("sha256:"))
PYTHON
[ -d "$bundle/blobs/sha256" ] && blobs=$bundle/blobs/sha256 || blobs=$bundle/blobs

# --- what every host gets --------------------------------------------------------------------------------------------
cat > "$work/containerd.toml" <<'TOML'
version = 3
[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "registry.k8s.io/pause:3.10.2"
[plugins."io.containerd.cri.v1.runtime"]
restrict_oom_score_adj = true
[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ["/usr/lib/cni"]
conf_dir = "/etc/cni/net.d"
TOML
cat > "$work/containerd.service" <<'UNIT'
[Service]
Type=notify
ExecStart=/usr/local/bin/containerd
Delegate=yes
KillMode=process
Restart=always
[Install]
WantedBy=multi-user.target
UNIT
cat > "$work/kubelet.service" <<'UNIT'
[Service]
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
ExecStart=/usr/local/bin/kubelet --bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf --config=/var/lib/kubelet/config.yaml $KUBELET_KUBEADM_ARGS
Restart=always
RestartSec=2
[Install]
WantedBy=multi-user.target
UNIT
cat > "$work/calico.kubeconfig" <<JSON
{"apiVersion": "v1", "kind": "Config", "current-context": "c",
 "clusters": [{"name": "c", "cluster": {"server": "https://$vip:6443", "certificate-authority": "/etc/kubernetes/pki/ca.crt"}}],
 "users": [{"name": "n", "user": {"client-certificate": "/var/lib/kubelet/pki/kubelet-client-current.pem",
                                  "client-key": "/var/lib/kubelet/pki/kubelet-client-current.pem"}}],
 "contexts": [{"name": "c", "context": {"cluster": "c", "user": "n"}}]}
JSON

on_host() { # PART
  set -euo pipefail
  sha256sum --quiet --check sums
  printf 'net.ipv4.ip_forward = 1\nfs.inotify.max_user_instances = 8192\n' > /etc/sysctl.d/60-keelson.conf
  sysctl --quiet --load=/etc/sysctl.d/60-keelson.conf
  printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d && chmod 0755 /usr/sbin/policy-rc.d
  DEBIAN_FRONTEND=noninteractive dpkg --install ./*.deb > dpkg.log 2>&1 || { tail -n 5 dpkg.log >&2; return 1; }
  rm /usr/sbin/policy-rc.d
  install -m 0755 kubeadm kubelet containerd containerd-shim-runc-v2 ctr crictl /usr/local/bin/
  install -m 0755 calico calico-ipam /usr/lib/cni/
  install -d -m 0755 /etc/containerd /etc/cni/net.d /etc/kubernetes /etc/kubernetes/patches
  install -m 0600 containerd.toml /etc/containerd/config.toml
  install -m 0644 containerd.service kubelet.service /etc/systemd/system/
  install -m 0600 10-calico.conflist calico.kubeconfig /etc/cni/net.d/
  install -m 0600 kubelet.patch /etc/kubernetes/patches/kubeletconfiguration+merge.json
  if [ "$1" = manager ]; then
    install -m 0755 kubectl etcdctl /usr/local/bin/
    install -m 0644 haproxy.cfg /etc/haproxy/haproxy.cfg
    install -m 0644 keepalived.conf /etc/keepalived/keepalived.conf
    echo DAEMON_ARGS=--vrrp > /etc/default/keepalived
    install -d -m 0755 /etc/kubernetes/pki/etcd
    tar -x -C /etc/kubernetes/pki -f pki.tar
    systemctl enable --quiet --now haproxy keepalived
  fi
  systemctl daemon-reload
  systemctl enable --quiet --now containerd
  systemctl enable --quiet kubelet
  for image in *.tar; do [ "$image" = pki.tar ] || ctr --namespace k8s.io images import "$image" > /dev/null; done
}

# The CAs, once: on every manager before it joins, so that no key is uploaded.
mkdir -p "$work/pki/etcd"
authority() { # FILE NAME
  openssl ecparam -name prime256v1 -genkey -noout -out "$work/pki/$1.key"
  openssl req -x509 -new -key "$work/pki/$1.key" -subj "/CN=$2" -days 3650 -out "$work/pki/$1.crt"
}
authority ca "keelson $cluster CA"
authority etcd/ca "keelson $cluster etcd CA"
authority front-proxy-ca "keelson $cluster front proxy CA"
openssl ecparam -name prime256v1 -genkey -noout -out "$work/pki/sa.key"
openssl ec -in "$work/pki/sa.key" -pubout -out "$work/pki/sa.pub" 2>/dev/null
tar -c -C "$work/pki" -f "$work/pki.tar" .

bring() { # NAME ADDRESS PART
  local folder=$work/hosts/$1 entry
  mkdir -p "$folder"
  cp "$work"/{containerd.toml,containerd.service,kubelet.service,calico.kubeconfig} "$folder"
  cat > "$folder/10-calico.conflist" <<JSON
{"name": "k8s-pod-network", "cniVersion": "0.3.1", "plugins": [
 {"type": "calico", "datastore_type": "kubernetes", "nodename": "$1", "mtu": 0, "ipam": {"type": "calico-ipam"},
  "policy": {"type": "k8s"}, "kubernetes": {"kubeconfig": "/etc/cni/net.d/calico.kubeconfig"}},
 {"type": "portmap", "snat": true, "capabilities": {"portMappings": true}}]}
JSON
  cat > "$folder/kubelet.patch" <<JSON
{"address": "$2", "cgroupDriver": "cgroupfs", "failCgroupV1": false, "featureGates": {"KubeletInUserNamespace": true},
 "evictionHard": {"memory.available": "100Mi", "nodefs.available": "2Gi", "imagefs.available": "2Gi"}}
JSON
  if [ "$3" = manager ]; then
    cp "$work/pki.tar" "$folder"
    {
      printf 'defaults\n  mode tcp\n  timeout connect 3s\n  timeout client 1h\n  timeout server 1h\n'
      printf 'frontend endpoint\n  bind %s:6443 transparent\n  default_backend managers\n' "$vip"
      printf 'backend managers\n  option httpchk GET /readyz\n  http-check expect status 200\n'
      printf '  default-server check check-ssl verify required ca-file /etc/kubernetes/pki/ca.crt inter 1s fall 2 rise 1\n'
      for entry in "${managers[@]}"; do printf '  server %s %s:6443\n' "${entry%=*}" "${entry#*=}"; done
    } > "$folder/haproxy.cfg"
    {
      printf 'vrrp_instance endpoint {\n state BACKUP\n interface eth0\n virtual_router_id 51\n advert_int 1\n'
      printf ' priority %s\n unicast_src_ip %s\n unicast_peer {\n' "$((200 - ${2##*.}))" "$2"
      for entry in "${managers[@]}"; do [ "${entry#*=}" = "$2" ] || printf '  %s\n' "${entry#*=}"; done
      printf ' }\n virtual_ipaddress {\n  %s/24\n }\n}\n' "$vip"
    } > "$folder/keepalived.conf"
  fi
  # Only the packages this host does not have in that version, and for a host node nothing of the management services.
  remote "$2" "dpkg-query -W -f '\${Package} \${Version}\n'" > "$folder/have"
  while read -r kind artifact name version digest; do
    case $3/$artifact/$name in
      manager/* | */kubernetes-images/*kube-proxy*) ;;
      */endpoint-vip/* | */kubernetes-images/* | */etcd/* | */kubectl/*) continue ;;
    esac
    [ "$kind" = file ] || { ! grep -qxF "$name $version" "$folder/have" || continue; name=$name.deb; }
    [ -e "$folder/$name" ] || { ln -s "$blobs/$digest" "$folder/$name"; echo "$digest  $name" >> "$folder/sums"; }
  done < "$work/bundle"
  { declare -f on_host; echo "on_host $3"; } > "$folder/run.sh"
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

# --- the cluster -------------------------------------------------------------------------------------------------------
ignored=--ignore-preflight-errors=SystemVerification,Port-6443
bind() { # the API server's own address, which leaves the VIP's port to haproxy
  echo "[{\"op\": \"add\", \"path\": \"/spec/containers/0/command/-\", \"value\": \"--bind-address=$1\"}]"
}
registration() { # NAME ADDRESS
  echo "{\"name\": \"$1\", \"criSocket\": \"unix:///run/containerd/containerd.sock\", \"kubeletExtraArgs\": [{\"name\": \"node-ip\", \"value\": \"$2\"}]}"
}
remote "$first" "bash -euo pipefail -s" <<SCRIPT
echo '$(bind "$first")' > /etc/kubernetes/patches/kube-apiserver+json.json
cat > /etc/kubernetes/kubeadm.yaml <<'YAML'
---
{"apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "InitConfiguration", "patches": {"directory": "/etc/kubernetes/patches"},
 "localAPIEndpoint": {"advertiseAddress": "$first"}, "nodeRegistration": $(registration "${managers[0]%=*}" "$first")}
---
{"apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "ClusterConfiguration", "kubernetesVersion": "v1.36.3", "clusterName": "$cluster",
 "controlPlaneEndpoint": "$vip:6443", "encryptionAlgorithm": "ECDSA-P256", "apiServer": {"certSANs": ["$vip"]},
 "networking": {"podSubnet": "10.244.0.0/16", "serviceSubnet": "10.96.0.0/16"}}
---
{"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration", "failSwapOn": false, "serverTLSBootstrap": true}
---
{"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration", "mode": "nftables", "conntrack": {"maxPerCore": 0, "min": 0}}
YAML
kubeadm init --config /etc/kubernetes/kubeadm.yaml --skip-token-print $ignored > /dev/null 2>&1
SCRIPT
token=$(remote "$first" "kubeadm token create --ttl 15m 2>/dev/null")
join() { # NAME ADDRESS PART
  local control=''
  [ "$3" != manager ] || control=", \"controlPlane\": {\"localAPIEndpoint\": {\"advertiseAddress\": \"$2\"}}"
  remote "$2" "bash -euo pipefail -s" <<SCRIPT
[ '$3' != manager ] || echo '$(bind "$2")' > /etc/kubernetes/patches/kube-apiserver+json.json
cat > /etc/kubernetes/join.yaml <<'YAML'
{"apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "JoinConfiguration", "patches": {"directory": "/etc/kubernetes/patches"},
 "nodeRegistration": $(registration "$1" "$2")$control,
 "discovery": {"bootstrapToken": {"token": "$token", "apiServerEndpoint": "$vip:6443", "unsafeSkipCAVerification": true}}}
YAML
kubeadm join --config /etc/kubernetes/join.yaml $ignored > /dev/null 2>&1
SCRIPT
}
for entry in "${managers[@]:1}"; do join "${entry%=*}" "${entry#*=}" manager; done
jobs=()
for entry in "${all[@]}"; do
  IFS='=' read -r name address part <<<"$entry"
  [ "$part" != manager ] || continue
  join "$name" "$address" "$part" &
  jobs+=($!)
done
for job in "${jobs[@]}"; do wait "$job"; done

calico=$(awk '$2 == "calico" && $3 == "calico.yaml" {print $5}' "$work/bundle")
remote "$first" "cat > /etc/kubernetes/calico.yaml" < "$blobs/$calico"
remote "$first" "bash -euo pipefail -s" <<SCRIPT
export KUBECONFIG=/etc/kubernetes/admin.conf
cat > /etc/kubernetes/calico.py <<'PYTHON'
import json, re
text = open("/etc/kubernetes/calico.yaml").read()
kinds = ("CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding", "ServiceAccount")
for document in re.split(r"^---.*$", text, flags=re.M):
    found = re.search(r"^kind: (\w+)", document, re.M)
    if found and found[1] in kinds:
        print("---\n" + document.strip())
env = {"DATASTORE_TYPE": "kubernetes", "KUBERNETES_SERVICE_HOST": "$vip", "KUBERNETES_SERVICE_PORT": "6443",
       "WAIT_FOR_DATASTORE": "true", "CALICO_NETWORKING_BACKEND": "vxlan", "CLUSTER_TYPE": "k8s", "CALICO_IPV4POOL_CIDR": "10.244.0.0/16",
       "CALICO_IPV4POOL_IPIP": "Never", "CALICO_IPV4POOL_VXLAN": "Always", "IP": "autodetect", "IP_AUTODETECTION_METHOD": "kubernetes-internal-ip",
       "CALICO_DISABLE_FILE_LOGGING": "true", "FELIX_DEFAULTENDPOINTTOHOSTACTION": "ACCEPT", "FELIX_HEALTHENABLED": "true", "FELIX_IPTABLESBACKEND": "NFT", "FELIX_IPV6SUPPORT": "false"}
variables = [{"name": k, "value": v} for k, v in env.items()]
variables.append({"name": "NODENAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}})
volumes = {"lib-modules": "/lib/modules", "run": "/var/run/calico", "lib": "/var/lib/calico"}
def container(name, argument):
    return {"name": name, "image": "docker.io/calico/node:v3.28.5", "args": [argument], "env": variables, "securityContext": {"privileged": True},
            "volumeMounts": [{"name": n, "mountPath": p} for n, p in volumes.items()]}
pod = {"hostNetwork": True, "tolerations": [{"operator": "Exists"}], "serviceAccountName": "calico-node", "priorityClassName": "system-node-critical",
       "initContainers": [container("startup", "-startup")],
       "containers": [container("felix", "-felix"), container("tunnel", "-allocate-tunnel-addrs"), container("addresses", "-monitor-addresses")],
       "volumes": [{"name": n, "hostPath": {"path": p, "type": "DirectoryOrCreate"}} for n, p in volumes.items()]}
labels = {"k8s-app": "calico-node"}
print("---\n" + json.dumps({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "calico-node", "namespace": "kube-system"},
                            "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}}}))
print("---\n" + json.dumps({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "cni-nodes"},
                            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "calico-cni-plugin"},
                            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:nodes"}]}))
PYTHON
python3 /etc/kubernetes/calico.py | kubectl apply --server-side -f - > /dev/null
for entry in ${all[*]}; do
  IFS='=' read -r name address part <<<"\$entry"
  [ "\$part" = manager ] || kubectl label node "\$name" "keelson.node-restriction.kubernetes.io/pool=\$part" > /dev/null
done
ready() { kubectl get nodes --no-headers | awk '\$2 == "Ready"' | wc -l; }
until [ "\$(ready)" = ${#all[@]} ] && [ -z "\$(kubectl get csr --no-headers | awk '/Pending/')" ]; do
  kubectl get csr --no-headers | awk '/Pending/ {print \$1}' | xargs -r kubectl certificate approve > /dev/null
  sleep 0.5
done
kubectl -n kube-system get secrets --field-selector=type=bootstrap.kubernetes.io/token -o name | xargs -r kubectl -n kube-system delete > /dev/null
SCRIPT
echo "$cluster: ${#all[@]} nodes ready"
