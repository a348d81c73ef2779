# Needs Go, make, git and a C compiler (for the race detector); everything else is built from source.
GO ?= go

# The local stack is a module of its own. Its Kubernetes binary is compiled with these settings. Everything else of the
# module uses them too, or Go would compile Kubernetes' libraries once more for each other set of settings.
STACK_ENV := GOWORK=off CGO_ENABLED=0 GOFLAGS=-trimpath
STACK_GO := $(STACK_ENV) $(GO) -C test/stack

# What is made of the chart, and the image, are modules of their own too.
MANIFESTS_GO := GOWORK=off $(GO) -C test/manifests
IMAGE_GO := GOWORK=off $(GO) -C deploy/image

UNIT_PACKAGES = $$($(GO) list ./... | grep -v -e /test/e2e -e /test/chaos)
E2E_TIMEOUT := 40m
CHAOS_TIMEOUT := 30m
# How long make fuzz tries each target, and what make test has it try.
FUZZ_TIME ?= 30s
FUZZ_SHORT := 1000x
# How much is spent on making each new input shorter, which is for people to read.
FUZZ_MINIMIZE ?= 10x

.DEFAULT_GOAL := help
.PHONY: help build demo test proof scale e2e chaos fuzz stack lint verify licenses vulncheck workflows fmt docs manifests image release-check release-try release release-image clean stack-programs

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "make %-14s%s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## Build bin/rollbackd and bin/rollbackctl
	@mkdir -p bin
	$(GO) build -o bin/ ./cmd/...

demo: build ## Show a bad release being taken back, on a local Kubernetes
	@if [ "$(origin KUBECONFIG)" = "command line" ]; then echo "make demo starts a Kubernetes of its own and touches no other: leave KUBECONFIG out" >&2; exit 2; fi
	@bin/rollbackd demo

# The cheap checks come first; go test need not vet again what they have vetted. The programs of the stack are built before
# the tests that need them, because go test would show nothing of a build that takes minutes.
test: lint workflows stack-programs ## Run every check and every test
	$(STACK_GO) vet ./...
	$(STACK_GO) test -short -vet=off . ./internal/...
	$(GO) test -race -vet=off $(UNIT_PACKAGES)
	@$(MAKE) --no-print-directory fuzz FUZZ_TIME=$(FUZZ_SHORT)
	$(MANIFESTS_GO) test -vet=off .
	$(IMAGE_GO) test -short -vet=off -timeout 20m .
	$(GO) test -vet=off -run 'TestRaces|TestCredentialsAreReplaced' ./internal/watch ./internal/bus
	$(GO) test -race -vet=off -count=1 -timeout $(E2E_TIMEOUT) ./test/e2e/...
	$(GO) test -vet=off -count=1 -timeout $(E2E_TIMEOUT) ./test/chaos

proof: stack-programs ## Measure false rollbacks and delays (up to an hour on two cores) and write docs/judging.md
	nice $(GO) run ./test/proof

scale: stack-programs ## Measure what a tick takes with up to 10,000 watches and write docs/scale.md
	$(GO) run ./test/scale

e2e: stack-programs ## Run the end-to-end tests only
	$(GO) test -race -count=1 -timeout $(E2E_TIMEOUT) ./test/e2e/...

chaos: stack-programs ## Kill the daemon at each point of a rollback and break what it depends on (about fifteen minutes), and print tables
	$(GO) test -count=1 -timeout $(CHAOS_TIMEOUT) ./test/chaos -whole -v
	$(GO) test -count=1 ./internal/app -run TestWhatIsRenderedIsATruePrefix -whole -v

# What make test tries is a number and not a time: until Go 1.27 the end of the time may be taken for a failure (go.dev/issue/75804).
fuzz: ## Fuzz every decoder and whatever else reads what others wrote, FUZZ_TIME each
	@set -e; for package in $$(git grep -l '^func Fuzz' -- '*_test.go' | xargs -n 1 dirname | sort -u); do \
		for target in $$(grep -ho '^func Fuzz[A-Za-z0-9]*' $$package/*_test.go | cut -d ' ' -f 2); do \
			echo "$$package $$target"; \
			$(GO) test ./$$package -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZ_TIME) -fuzzminimizetime $(FUZZ_MINIMIZE); \
		done; \
	done

stack: ## Run the local stack until Ctrl-C and print its addresses
	@mkdir -p bin
	@$(STACK_GO) build -o ../../bin/stack .
	@bin/stack up --scrape 1s --ready-file .stack/ready.json

stack-programs:
	@$(STACK_GO) run . build

lint: ## Check format, vet, staticcheck and the import rule
	@unformatted=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); \
	if [ -n "$$unformatted" ]; then echo "not formatted; run make fmt:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) vet -tags chaos ./internal/app
	$(GO) tool staticcheck ./...
	cd test/stack && $(STACK_ENV) $(GO) tool -modfile=../../go.mod staticcheck . ./internal/...
	$(MANIFESTS_GO) vet .
	cd test/manifests && GOWORK=off $(GO) tool -modfile=../../go.mod staticcheck .
	$(IMAGE_GO) vet .
	cd deploy/image && GOWORK=off $(GO) tool -modfile=../../go.mod staticcheck .
	$(GO) test -race -vet=off ./test/layout

# What only a release needs. Their versions are fixed here, and what they are made of by the sums of the Go project's checksum database.
GORELEASER := GOWORK=off $(GO) run github.com/goreleaser/goreleaser/v2@v2.15.1
COSIGN := github.com/sigstore/cosign/v3/cmd/cosign@v3.1.3
# Where the image of a release is pushed, and under which tag.
IMAGE ?= ghcr.io/rollbackd/rollbackd
TAG ?= $(shell git describe --tags --exact-match)

# Each folder with a go.mod of its own.
MODULES = . $(patsubst %/go.mod,%,$(shell git ls-files '*/go.mod'))

verify: ## Check that the modules in the cache are those that go.sum names
	@for module in $(MODULES); do echo "$$module"; (cd $$module && GOWORK=off $(GO) mod verify) || exit 1; done

licenses: ## Check the licences of what the programs are made of, and write THIRD_PARTY_LICENSES
	$(GO) run ./test/licenses

# The database of known vulnerabilities.
VULNDB ?= https://vuln.go.dev

# A check that could not be made is no check that was passed.
vulncheck: ## Look for known vulnerabilities in what the programs call (asks VULNDB, which is https://vuln.go.dev)
	@out=$$($(GO) tool -modfile=tools/go.mod govulncheck -db $(VULNDB) ./cmd/... 2>&1); code=$$?; echo "$$out"; \
	case "$$out" in *"fetching vulnerabilities"*) echo "NOT CHECKED: the database of vulnerabilities, $(VULNDB), could not be reached. This says nothing of the code. Run it where" \
		"that can be reached, or with a copy: make vulncheck VULNDB=file:///path, with https://vuln.go.dev/vulndb.zip unpacked there." >&2;; esac; \
	exit $$code

workflows: ## Check the workflows of continuous integration
	$(GO) tool -modfile=tools/go.mod actionlint -color=false $$(git ls-files -co --exclude-standard '.github/workflows/*.yml' 'docs/snippets/github-actions/*.yaml')

fmt: ## Format the code
	gofmt -w $$(git ls-files -co --exclude-standard '*.go')

docs: stack-programs ## Write the references in docs from the code: configuration, permissions and metrics
	$(GO) test ./internal/configdocs ./internal/access -run Stale -update
	$(GO) test ./test/monitoring -run TestLiveDaemon/TheDocumentation -update

manifests: ## Write what follows from the Helm chart: kustomize's base, the table of values, copies and schema
	$(MANIFESTS_GO) run .

image: ## Build the container image for amd64 and arm64 into dist/image, without docker, and test it
	$(IMAGE_GO) run .
	$(IMAGE_GO) test -vet=off -timeout 30m .

release-check: ## Check .goreleaser.yaml with goreleaser, which is built first (minutes)
	$(GORELEASER) check

release-try: ## Build what a release has into dist, all but signatures and the image, and publish nothing
	$(GORELEASER) release --snapshot --clean --skip=sign,publish

# The two steps of a release, for .github/workflows/release.yml: they need a tag, and who may publish.
release:
	$(GO) install $(COSIGN)
	PATH="$$PATH:$$($(GO) env GOPATH)/bin" $(GORELEASER) release --clean

# Signed is the digest and not the tag, which could be moved meanwhile.
release-image:
	$(IMAGE_GO) run . -artifacts ../../dist/artifacts.json -version $(TAG) -push $(IMAGE):$(TAG)
	"$$($(GO) env GOPATH)/bin/cosign" sign --yes $(IMAGE)@$$(cat dist/image/digest)

clean: ## Remove everything that was built, the local Kubernetes included
	rm -rf bin dist dist-tools .stack
