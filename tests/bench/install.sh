#!/bin/bash
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What the playbook `install` is measured against: the same Nomad cluster from the same bundle by plain shell over ssh,
# on bare servers, once. It has no second run, no check mode and no way back from an interruption.
#
# usage: install.sh CLUSTER BUNDLE SSH_CONFIG NAME=ADDRESS=PART ...      PART: manager, or the name of a pool
set -euo pipefail

cluster=$1 bundle=$2 ssh_config=$3
shift 3
all=("$@")
managers=()
for entry in "${all[@]}"; do [[ $entry == *=manager ]] && managers+=("$(cut -d= -f2 <<<"$entry")"); done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 077

remote() { ssh -F "$ssh_config" -o ControlMaster=auto -o ControlPersist=60 -o ControlPath="$work/%C" "$@"; }

# --- the bundle: lines of KIND NAME VERSION DIGEST ----------------------------------------------------------------
python3 - "$bundle/index.json" "$(dirname "$0")/../../artifacts" > "$work/bundle" <<'PYTHON'
import json, sys, yaml

artifacts = json.load(open(sys.argv[1]))["artifacts"]
for name in ("nomad", "docker", "cni-plugins", "pause"):
    version = str(yaml.safe_load(open(f"{sys.argv[2]}/{name}.yml"))["versions"][0]["version"])
    entry = artifacts[name][version]["amd64"]
    for item in entry["files"]:
        print("file", name, version, item["digest"].removeprefix("sha256:"))
    for item in entry["packages"]:
        print("package", item["name"], item["version"], item["digest"].removeprefix("sha256:"))
PYTHON
blob() { awk -v name="$1" '$1 == "file" && $2 == name {print $4}' "$work/bundle"; }
version() { awk -v name="$1" '$1 == "file" && $2 == name {print $3}' "$work/bundle"; }
[ -e "$bundle/blobs/sha256/$(blob nomad)" ] && blobs=$bundle/blobs/sha256 || blobs=$bundle/blobs

# --- secrets and certificates --------------------------------------------------------------------------------------
openssl ecparam -name prime256v1 -genkey -noout -out "$work/ca-key.pem"
openssl req -x509 -new -key "$work/ca-key.pem" -subj "/CN=keelson $cluster CA" -days 3650 -out "$work/ca.pem"
gossip_key=$(openssl rand -base64 32)
token=$(cat /proc/sys/kernel/random/uuid)

certificate() { # FOLDER NAME ADDRESS ROLE
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$1/key.pem" -subj "/CN=$2" \
    -out "$1/csr.pem" 2>/dev/null
  openssl x509 -req -in "$1/csr.pem" -CA "$work/ca.pem" -CAkey "$work/ca-key.pem" -days 365 -out "$1/cert.pem" \
    -extfile <(echo "extendedKeyUsage=serverAuth,clientAuth
subjectAltName=DNS:$4.global.nomad,DNS:localhost,DNS:$2,IP:127.0.0.1,IP:$3") 2>/dev/null
  cp "$work/ca.pem" "$1/ca.pem"
  rm "$1/csr.pem"
}

# --- configuration -------------------------------------------------------------------------------------------------
joined=$(printf '"%s", ' "${managers[@]}")
common() { # NAME ADDRESS
  cat <<JSON
  "name": "$1", "bind_addr": "$2", "region": "global", "datacenter": "$cluster", "data_dir": "/var/lib/nomad",
  "disable_update_check": true, "leave_on_interrupt": false, "leave_on_terminate": false, "acl": {"enabled": true},
  "consul": {"auto_advertise": false, "server_auto_join": false, "client_auto_join": false},
  "telemetry": {"prometheus_metrics": true, "publish_allocation_metrics": true, "publish_node_metrics": true},
  "tls": {"http": true, "rpc": true, "verify_server_hostname": true, "verify_https_client": true,
          "ca_file": "/etc/nomad.d/tls/ca.pem", "cert_file": "/etc/nomad.d/tls/cert.pem",
          "key_file": "/etc/nomad.d/tls/key.pem"}
JSON
}

manager_files() { # FOLDER NAME ADDRESS
  cat > "$1/agent.json" <<JSON
{$(common "$2" "$3"), "server": {"enabled": true}, "autopilot": {"cleanup_dead_servers": true}}
JSON
  cat > "$1/join.json" <<JSON
{"server": {"bootstrap_expect": ${#managers[@]},
            "server_join": {"retry_join": [${joined%, }], "retry_interval": "2s"}}}
JSON
  echo "{\"server\": {\"encrypt\": \"$gossip_key\"}}" > "$1/gossip.json"
  cat > "$1/nomad.env" <<ENV
NOMAD_ADDR=https://$3:4646
NOMAD_CACERT=/etc/nomad.d/tls/ca.pem
NOMAD_CLIENT_CERT=/etc/nomad.d/tls/cert.pem
NOMAD_CLIENT_KEY=/etc/nomad.d/tls/key.pem
NOMAD_TOKEN=$token
ENV
  mkdir "$1/secrets"
  cp "$work/ca-key.pem" "$work/ca.pem" "$1/secrets/"
  echo "$gossip_key" > "$1/secrets/gossip"
  cat > "$1/nomad.service" <<'UNIT'
[Unit]
Description=Nomad server
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0
[Service]
Type=notify
User=nomad
Group=nomad
ExecStart=/usr/local/bin/nomad agent -config=/etc/nomad.d
ExecReload=/bin/kill -HUP $MAINPID
KillSignal=SIGINT
SuccessExitStatus=1
Restart=always
RestartSec=2
LimitNOFILE=65536
StateDirectory=nomad
StateDirectoryMode=0700
CapabilityBoundingSet=
LockPersonality=yes
NoNewPrivileges=yes
PrivateDevices=yes
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectSystem=strict
RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
SystemCallFilter=@system-service
UMask=0077
[Install]
WantedBy=multi-user.target
UNIT
}

node_files() { # FOLDER NAME ADDRESS POOL
  cat > "$1/agent.json" <<JSON
{$(common "$2" "$3"),
  "client": {"enabled": true, "node_pool": "$4", "meta": {"tier": "$4"}, "cni_path": "/usr/lib/cni",
             "reserved": {"cpu": 100, "memory": 256, "disk": 1024}},
  "plugin": [{"docker": [{"config": [{"allow_privileged": false,
                                      "infra_image": "registry.k8s.io/pause:$(version pause)"}]}]},
             {"raw_exec": [{"config": [{"enabled": false}]}]}]}
JSON
  echo "{\"client\": {\"server_join\": {\"retry_join\": [${joined%, }], \"retry_interval\": \"2s\"}}}" > "$1/join.json"
  cat > "$1/daemon.json" <<'JSON'
{"live-restore": true, "log-driver": "json-file", "log-opts": {"max-file": "3", "max-size": "10m"}}
JSON
  cat > "$1/sysctl.conf" <<'CONF'
fs.inotify.max_user_instances = 8192
fs.inotify.max_user_watches = 524288
net.bridge.bridge-nf-call-ip6tables = 1
net.bridge.bridge-nf-call-iptables = 1
net.ipv4.ip_forward = 1
vm.max_map_count = 262144
CONF
  cat > "$1/nomad.service" <<'UNIT'
[Unit]
Description=Nomad client
Wants=network-online.target docker.service
After=network-online.target docker.service
StartLimitIntervalSec=0
[Service]
Type=notify
ExecStart=/usr/local/bin/nomad agent -config=/etc/nomad.d
ExecReload=/bin/kill -HUP $MAINPID
Delegate=yes
KillMode=process
KillSignal=SIGINT
SuccessExitStatus=1
Restart=always
RestartSec=2
LimitNOFILE=65536
LimitNPROC=infinity
TasksMax=infinity
StateDirectory=nomad
StateDirectoryMode=0711
[Install]
WantedBy=multi-user.target
UNIT
}

# --- what runs on a host, in the folder everything was unpacked to ----------------------------------------------------
on_host() { # PART CLUSTER NOMAD_VERSION NOMAD_BLOB PAUSE_VERSION PAUSE_BLOB
  set -euo pipefail
  sha256sum --quiet --check sums
  install -d -m 0755 /opt/keelson "/opt/keelson/nomad/$3"
  install -m 0755 "$4" "/opt/keelson/nomad/$3/nomad"
  ln -sfn "$3" /opt/keelson/nomad/current
  ln -sfn /opt/keelson/nomad/current/nomad /usr/local/bin/nomad
  install -m 0644 nomad.service /etc/systemd/system/nomad.service
  if [ "$1" = manager ]; then
    useradd --system --no-create-home --shell /usr/sbin/nologin --home-dir /var/lib/nomad --user-group nomad
    install -d -m 0750 -g nomad /etc/nomad.d /etc/nomad.d/tls
    install -m 0640 -g nomad agent.json join.json gossip.json /etc/nomad.d/
    install -m 0644 -g nomad ca.pem cert.pem /etc/nomad.d/tls/
    install -m 0640 -o nomad -g nomad key.pem /etc/nomad.d/tls/
    install -d -m 0755 /etc/keelson
    install -d -m 0700 "/etc/keelson/$2" "/etc/keelson/$2/secrets"
    install -m 0600 nomad.env "/etc/keelson/$2/"
    install -m 0600 secrets/* "/etc/keelson/$2/secrets/"
  else
    install -m 0644 sysctl.conf /etc/sysctl.d/60-keelson.conf
    sysctl --quiet --load=/etc/sysctl.d/60-keelson.conf
    install -d -m 0755 /etc/docker "/opt/keelson/pause/$5/images"
    install -m 0644 daemon.json /etc/docker/
    if compgen -G '*.deb' > packages; then
      DEBIAN_FRONTEND=noninteractive dpkg --install ./*.deb > dpkg.log 2>&1 || { tail -n 5 dpkg.log >&2; return 1; }
    fi
    systemctl enable --quiet --now docker.service
    install -m 0644 "$6" "/opt/keelson/pause/$5/images/pause.tar"
    docker image load --quiet --input "/opt/keelson/pause/$5/images/pause.tar" > /dev/null
    install -d -m 0700 /etc/nomad.d
    install -d -m 0750 /etc/nomad.d/tls
    install -m 0600 agent.json join.json /etc/nomad.d/
    install -m 0644 ca.pem cert.pem /etc/nomad.d/tls/
    install -m 0640 key.pem /etc/nomad.d/tls/
  fi
  systemctl daemon-reload
  systemctl enable --quiet --now nomad.service
}

bring() { # NAME ADDRESS PART
  local folder=$work/$1 desired
  mkdir "$folder"
  if [ "$3" = manager ]; then
    certificate "$folder" "$1" "$2" server
    manager_files "$folder" "$1" "$2"
    desired=("$(blob nomad)")
  else
    certificate "$folder" "$1" "$2" client
    node_files "$folder" "$1" "$2" "$3"
    desired=("$(blob nomad)" "$(blob pause)")
    # Only the packages this host does not have in that version.
    remote "$2" "dpkg-query -W -f '\${Package} \${Version}\n'" > "$folder/have"
    while read -r name number digest; do
      grep -qxF "$name $number" "$folder/have" || { ln -s "$blobs/$digest" "$folder/$name.deb"; desired+=("$name.deb:$digest"); }
    done < <(awk '$1 == "package" && !seen[$2]++ {print $2, $3, $4}' "$work/bundle")
  fi
  for item in "${desired[@]}"; do
    [ -e "$folder/${item%%:*}" ] || ln -s "$blobs/$item" "$folder/$item"
    echo "${item##*:}  ${item%%:*}" >> "$folder/sums"
  done
  { declare -f on_host; echo "on_host $3 $cluster $(version nomad) $(blob nomad) $(version pause) $(blob pause)"; } > "$folder/run.sh"
  tar --create --dereference --directory "$folder" . |
    remote "$2" 'folder=$(mktemp -d) && cd "$folder" && tar -x && bash run.sh && rm -rf "$folder"'
}

jobs=()
for entry in "${all[@]}"; do
  IFS='=' read -r name address part <<<"$entry"
  bring "$name" "$address" "$part" &
  jobs+=($!)
done
for job in "${jobs[@]}"; do wait "$job"; done

# --- the access control, and health ------------------------------------------------------------------------------------
remote "${managers[0]}" "bash -euo pipefail -s '$cluster' '${#managers[@]}' '$((${#all[@]} - ${#managers[@]}))'" <<'SCRIPT'
set -a
. "/etc/keelson/$1/nomad.env"
token=$NOMAD_TOKEN
ask() { nomad operator api -X GET "$1" </dev/null 2>/dev/null || true; }
until [[ $(NOMAD_TOKEN='' ask /v1/status/leader) == *:4647* ]]; do sleep 0.25; done
NOMAD_TOKEN='' nomad acl bootstrap - <<<"$token" >/dev/null
until [ "$(ask /v1/operator/autopilot/health | grep -o '"Healthy":true' | wc -l)" = $(($2 + 1)) ]; do sleep 0.25; done
ready() { ask /v1/nodes | python3 -c '
import json, sys
print(sum(n["Status"] == "ready" and all(n["Drivers"][d]["Healthy"] for d in ("docker", "exec")) for n in json.load(sys.stdin)))'; }
until [ "$(ready)" = "$3" ]; do sleep 0.25; done
SCRIPT
echo "$cluster: ${#managers[@]} managers healthy, $((${#all[@]} - ${#managers[@]})) host nodes ready"
