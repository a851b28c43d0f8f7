# A thin front: CMake builds, the scripts do the rest. Every target starts from a bare clone.
.PHONY: help build run test bench lint format asan tsan fuzz clean
.DEFAULT_GOAL := build

T ?= 60

help: ## this list
	@sed -nE 's/^([a-z]+): .*## (.*)/\1\t\2/p' Makefile | expand -t 12

build: ## the programs, in build/release
	@scripts/setup.sh build
	@scripts/build.sh release

run: ## the agent, with your provider keys or with a simulated provider
	@scripts/run.sh

test: ## unit and integration tests under the address and undefined-behaviour sanitizers
	@scripts/test.sh asan

bench: ## the figures of the README against nginx, and a chart, in build/bench
	@tests/bench/run.sh

lint: ## format, size, words, shell, clang's warnings and clang-tidy
	@scripts/setup.sh build lint
	@scripts/lint.sh

format: ## clang-format over everything
	@scripts/setup.sh lint
	@git ls-files -z --cached --others --exclude-standard -- '*.c' '*.h' | xargs -0 clang-format -i

asan: ## the programs with ASan and UBSan, in build/asan
	@scripts/setup.sh build
	@scripts/build.sh asan

tsan: ## all tests under the thread sanitizer
	@scripts/test.sh tsan

fuzz: ## every fuzzer for T seconds (T=60)
	@scripts/fuzz.sh $(T)

clean: ## removes build/
	@rm -rf build
