# Every target explains itself: make help
export GOFLAGS := -buildvcs=false -trimpath
TAGS := -tags=nomsgpack

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "%-8s %s\n", $$1, $$2}'

build: ## the static binary, ./sallyport
	CGO_ENABLED=0 go build $(TAGS) -ldflags='-s -w' -o sallyport ./cmd/sallyport

deps: ## install what the tests need from the system's package manager
	@sh deploy/test-deps.sh

test: deps ## vet and every test with the race detector
	go vet $(TAGS) ./...
	go test $(TAGS) -race -timeout 14m ./...

cross: ## vet for the systems we do not test on
	GOOS=windows go vet $(TAGS) ./...
	GOOS=darwin go vet $(TAGS) ./...

# Nested modules are tested anew each time: what they read lies outside of them, where the test cache does not look.
prove: cross ## the long proofs: sqlmap, other projects' suites, soak, long fuzzing
	@sh deploy/test-deps.sh prove
	go test -tags=nomsgpack,prove -timeout 60m -run Prove ./...
	cd dbguard/screen/difftest && go test -count=1 -run Prove -v .
	cd deploy/check && go test -count=1 -run Prove -v .
	cd deploy/licences && go test -count=1 -run Prove -v .
	@sh deploy/audit.sh

release: ## dist/: a program for each system, checksums, SBOM and licences; VERSION=1.0.0 names it
	@sh deploy/release.sh

look: deps ## the README's pictures of the page, taken anew from the tests' sample in Chromium
	mkdir -p dist/look
	SALLYPORT_SHOTS=$(CURDIR)/dist/look go test $(TAGS) -count=1 -run TestEveryPageInEveryFace ./gateway/dashboard
	cp dist/look/overview.png dist/look/light.png gateway/dashboard/testdata/

.PHONY: help build deps test cross prove release look
