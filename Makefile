SHELL := bash
.DEFAULT_GOAL := help
.PHONY: help run test servers check schema web fuzz bench packaging faults soak

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## build and start the service (with the playground, where Node is present)
	@scripts/web.sh --if-needed
	cargo run -- serve

test: ## install what is missing, start the servers, run every check and test
	@scripts/test.sh

servers: ## start MongoDB and Redis for tests until Ctrl-C, and print the exports
	@scripts/servers.sh

check: ## formatting and clippy, warnings denied
	cargo fmt --all --check
	cargo clippy --all-targets --all-features -- -D warnings

schema: ## write schema.graphql and schema.admin.graphql from the code
	@new=$$(mktemp) && trap "rm -f $$new" EXIT && cargo run -- schema > "$$new" && cp "$$new" schema.graphql \
	  && cargo run -- schema --admin > "$$new" && cp "$$new" schema.admin.graphql

fuzz: ## run each fuzz target for half a minute (needs cargo-fuzz and a nightly toolchain)
	@scripts/fuzz.sh 30

packaging: ## check what the service is shipped in, with a stripped build
	cargo rustc --profile dist --bin vestibule -- -C link-arg=-Wl,-z,pack-relative-relocs
	@scripts/packaging.sh target/dist/vestibule

faults: ## a minute of load on two nodes while stores go away and a node is killed (needs MongoDB and Redis: make servers)
	python3 bench/faults.py --service target/debug/vestibule

soak: ## half an hour at half load, with memory and descriptors
	cargo build --profile dist --bin vestibule
	python3 bench/soak.py --service target/dist/vestibule

bench: ## measure the service beside what it is compared with (an hour; needs Redis, Node, and MongoDB or Python)
	@scripts/bench.sh

web: ## build the playground in web/
	@scripts/web.sh
