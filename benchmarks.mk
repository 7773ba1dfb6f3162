# Figures, each into benchmarks/results/; docs/benchmarks.md says what they mean. ARGS="--seed 2" goes on to the program.
ARGS ?=
.PHONY: bench-create bench-statements bench-limits bench-torn kill-api kill-worker kill-postgres kill-valkey kill-all

bench-create: setup ## Time creates, and their delivery to 20 and to 100 devices
	@$(PY) -m benchmarks.create_highlight $(ARGS)
	@$(PY) -m benchmarks.create_highlight --devices 100 --rate 0.5 --count 20 --name create-highlight-100-devices $(ARGS)

bench-statements: setup ## Count the SQL statements of lists
	@$(PY) -m benchmarks.statements

bench-limits: setup ## Tell what the limits cost, and what hostile documents cost
	@$(PY) -m benchmarks.limits
	@$(PY) -m benchmarks.hostile $(ARGS)

bench-torn: setup ## Tear 1,000 sockets off, and count what they leave behind
	@$(PY) -m benchmarks.torn $(ARGS)

kill-api kill-worker kill-postgres kill-valkey: setup ## Kill it at random under writes; count what is lost and doubled
	@$(PY) -m benchmarks.kill $(patsubst kill-%,%,$@) $(ARGS)

kill-all: ## Kill all four, one after another
	@$(MAKE) --no-print-directory kill-api
	@$(MAKE) --no-print-directory kill-worker
	@$(MAKE) --no-print-directory kill-postgres
	@$(MAKE) --no-print-directory kill-valkey
