# Figures, each into benchmarks/results/; docs/benchmarks.md says what they mean. ARGS="--seed 2" goes on to the program.
ARGS ?=
.PHONY: bench-create bench-idle bench-delivery bench-counts bench-statements bench-limits bench-torn bench-first-sync bench-import kill-api kill-worker kill-postgres kill-valkey kill-all storm bench-export prove-sync prove-feed prove-visibility bench-fire seed-large bench-plans bench-feed bench-faults

bench-export: setup ## Take 100,000 highlights away in each format
	@$(PY) -m benchmarks.exports $(ARGS)

bench-create: setup ## Time creates, and their delivery to 20 and to 100 devices
	@$(PY) -m benchmarks.create_highlight $(ARGS)
	@$(PY) -m benchmarks.create_highlight --devices 100 --rate 0.5 --count 20 --name create-highlight-100-devices $(ARGS)

bench-delivery: setup ## Time delivery to 100 and to 500 connected devices
	@$(PY) -m benchmarks.delivery $(ARGS)

bench-idle: setup ## Tell what an idle socket costs in memory
	@$(PY) -m benchmarks.idle

bench-counts: setup ## Let 500 sockets watch a post that is liked ten times a second: the API's CPU, and how late each is right
	@$(PY) -m benchmarks.post_counts $(ARGS)

bench-statements: setup ## Count the SQL statements of lists
	@$(PY) -m benchmarks.statements

bench-limits: setup ## Tell what the limits cost, and what hostile documents cost
	@$(PY) -m benchmarks.limits
	@$(PY) -m benchmarks.hostile $(ARGS)

bench-torn: setup ## Tear 1,000 sockets off, and count what they leave behind
	@$(PY) -m benchmarks.torn $(ARGS)

bench-first-sync: setup ## Sync 10,000 highlights to a new device: time, and the server's memory
	@$(PY) -m benchmarks.first_sync $(ARGS)

bench-import: setup ## Import clippings and JSON of 20 MB: time, memory, the longest stall of the event loop
	@$(PY) -m benchmarks.imports $(ARGS)

kill-api kill-worker kill-postgres kill-valkey: setup ## Kill it at random under writes; count what is lost and doubled
	@$(PY) -m benchmarks.kill $(patsubst kill-%,%,$@) $(ARGS)

kill-all: ## Kill all four, one after another
	@$(MAKE) --no-print-directory kill-api
	@$(MAKE) --no-print-directory kill-worker
	@$(MAKE) --no-print-directory kill-postgres
	@$(MAKE) --no-print-directory kill-valkey

bench-faults: setup ## Hurt Valkey, the worker and PostgreSQL in five ways each under readers; what still works
	@$(PY) -m benchmarks.faults_feed $(ARGS)

storm: setup ## Ten devices against real processes while everything fails; count what is lost, doubled and different
	@$(PY) -m benchmarks.storm --faults 500 $(ARGS)

prove-sync: setup ## Play sync against its model: 1,000 examples of 50 steps; ARGS="--seed 1 --examples 100"
	@$(PY) -m benchmarks.prove_sync $(ARGS)

bench-fire: setup ## Post to 10,000 followers while workers, Valkey and PostgreSQL are killed; count what is missing and too much in home feeds
	@$(PY) -m benchmarks.fire $(ARGS)

prove-feed: setup ## Play home feeds against their model: 300 examples of 40 steps, then servers known to be bad; ARGS="--seed 1 --examples 50"
	@$(PY) -m benchmarks.prove_feed $(ARGS)

prove-visibility: setup ## Play follows, blocks, mutes and privacy against a plain oracle of who sees what: 500 examples, then predicates known to be bad
	@$(PY) -m benchmarks.prove_visibility $(ARGS)

seed-large: setup ## Make the large data set in .data-large: 100,000 readers, a million follows
	@$(PY) -m benchmarks.seed_large $(ARGS)

bench-plans: setup ## Explain what takes PostgreSQL most time on the large data set
	@$(PY) -m benchmarks.plans $(ARGS)

bench-feed: setup ## Time home feeds, fan-out and live feeds on the large data set
	@$(PY) -m benchmarks.feed $(ARGS)
