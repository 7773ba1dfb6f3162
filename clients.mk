# GraphiQL's files, and the tools that clients are made with. Both come through npm; without it GraphiQL loads from the
# internet, and the tests of the tools are skipped.
.PHONY: graphiql clients

run: graphiql

graphiql: setup ## Fetch GraphiQL's files once, so that its page needs no internet
	@$(PY) -m commands.fetch_graphiql || true

clients: setup ## Check the printed schema and a live server with the tools that clients are made with
	@exec $(PY) -m pytest tests/graphql/test_client_tools.py tests/graphql/test_graphiql.py tests/test_docs_clients.py
