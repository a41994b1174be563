# Thin: whatever needs more than a few lines is a program in xtask/ or e2e/.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
XTASK := cargo run --quiet --locked -p xtask --
CLUSTER := cargo run --quiet --locked -p tracardi-cluster --

NODES ?= 1
MINUTES ?= 10
PLOTS ?= artifacts/benchmarks
ONLY ?=
EVENTS ?=
OUTAGE ?=
SEED ?=
STATUS ?=
SCENARIO ?=
FAULT ?=
MODE ?=
SETTLE ?=
URL ?=
PRIVATE_URL ?=
SEEDS ?= 1000000
VERSION ?= 0.2.2

.PHONY: help demo demo-down run gui test scenarios faults soak check measure tools images cluster cluster-down install servers e2e e2e-full bench bench-modes sizing fuzz simulation docs generate queries user-agents clean

help: ## This list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z0-9-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ See it work
demo: ## A real cluster, the operator, an installation, an hour of shop traffic, the GUI's address; MODE=open or distributed with its servers
	@$(XTASK) demo $(if $(MODE),--mode $(MODE))
demo-down: ## Remove the demo's installations, namespace and servers; the cluster stays
	@$(XTASK) demo-down
run: tools gui ## The runtime alone, on an embedded store in ./artifacts/run (no cluster, no root)
	@cargo run --quiet --locked --release -p tracardi-runtime -- standalone --data artifacts/run

##@ Work on it
check: ## Formatting, lints, licences, generated files; fast
	@$(XTASK) check
test: ## Every test: units, integration, GUI, then the real cluster
	@$(XTASK) test
scenarios: tools gui ## What clients see, told in YAML; with MODE=open or distributed on real servers; against another installation with URL= and PRIVATE_URL= (docs/scenarios.md)
	@TRACARDI_PUBLIC_URL=$(URL) TRACARDI_PRIVATE_URL=$(PRIVATE_URL) SCENARIO='$(SCENARIO)' MODE=$(MODE) SETTLE=$(SETTLE) \
		cargo test --locked -p tracardi-runtime --test scenarios
faults: tools gui ## What goes wrong under load, by number (docs/faults.md): FAULT=f04 for one; MODE=distributed with Pulsar; FAULT_ROUNDS=10 for longer
	@MODE=$(MODE) cargo test --locked -p tracardi-runtime --test faults -- --include-ignored $(FAULT)
soak: tools gui ## Half of the greatest load for MINUTES=10 while something fails every minute, and what became of all that was acknowledged; MODE=distributed, SEED=n
	@cargo bench --locked -p tracardi-runtime --bench soak -- --minutes $(MINUTES) $(if $(MODE),--mode $(MODE)) $(if $(SEED),--seed $(SEED))
generate: ## Write the generated files anew: CRD, RBAC, documentation tables
	@$(XTASK) generate
queries: ## Ask a MariaDB about the statements in runtime/mysql and write .sqlx/ anew; after changing one
	@$(XTASK) queries
user-agents: ## Take the expressions that tell user agents apart from another version of the crate ua-parser, VERSION=0.2.2
	@$(XTASK) user-agents --version $(VERSION)
gui: ## Build the web application, the tracker and the shop page (npm), if they changed
	@$(XTASK) gui
bench: tools gui ## Ratios and slopes from one run, with pictures in PLOTS=artifacts/benchmarks; ONLY=handler for one, ONLY=size EVENTS=10000000 for a long one
	@cargo bench --locked -p tracardi-runtime --bench track -- --plots $(PLOTS) $(if $(ONLY),--only $(ONLY)) $(if $(EVENTS),--events $(EVENTS))
bench-modes: tools gui ## What the larger modes cost against the bare servers they stand on; MODE=open, ONLY=storage for one, OUTAGE=600 for a long one
	@cargo bench --locked -p tracardi-runtime --bench modes -- --plots $(PLOTS) $(if $(MODE),--mode $(MODE)) $(if $(ONLY),--only $(ONLY)) $(if $(OUTAGE),--outage $(OUTAGE))
sizing: tools gui ## What a million events cost in each mode: processor, memory, disk (docs/sizing.md)
	@cargo bench --locked -p tracardi-runtime --bench modes -- --only sizing $(if $(MODE),--mode $(MODE))
measure: gui ## Sizes, start-up times and idle memory of the two programs
	@$(XTASK) measure
fuzz: ## Fuzz what reads the texts of strangers, one target after another, for MINUTES=10 in all
	@$(XTASK) fuzz --minutes $(MINUTES)
simulation: tools ## The collector in SEEDS=1000000 worlds where everything goes wrong, on all cores; FIRST=n begins elsewhere
	@SEEDS=$(SEEDS) cargo test --quiet --locked --release -p tracardi-collector --test simulation seeds -- --nocapture
docs: tools ## The Rust documentation of the workspace, in target/doc
	@cargo doc --locked --no-deps --workspace --quiet && echo "open target/doc/tracardi_engine/index.html"

tools: ## What the compiler needs besides the toolchains (protoc), from Debian where it is missing; the others call it
	@$(XTASK) tools

##@ The ground
cluster: ## A Kubernetes from packages; NODES=2 for two kubelets, STATUS=1 to look only
	@$(CLUSTER) $(if $(STATUS),status,up --nodes $(NODES))
cluster-down: ## End the cluster and remove every trace of it
	@$(CLUSTER) down
images: ## Build the images of operator and runtime and load them into the cluster
	@$(XTASK) images
install: ## Install or upgrade the operator in the cluster by its Helm chart
	@$(XTASK) install
servers: ## The brokers, databases and search servers of the tests: installed, each tried once; ONLY=redis for one
	@cargo run --quiet --locked -p tracardi-servers -- check $(ONLY)
e2e: ## The tests against the real cluster only (images and operator are brought up to date first)
	@$(XTASK) e2e
e2e-full: ## Also the tier with the heaviest builds and the longest runs; never part of `make test`
	@$(XTASK) e2e --full

##@ Tidy up
clean: ## Remove what builds made inside this checkout (caches under ~/.cache stay)
	@cargo clean --quiet && rm -rf artifacts runtime/gui/node_modules runtime/gui/*/dist e2e/browser/node_modules
