# GraphiQL's files, and the client tools that the API is checked with. Both need npm; without it GraphiQL loads from the
# internet, and the tests of the tools are skipped.
.PHONY: graphiql clients

graphiql: .venv  ## Fetch GraphiQL's files once, so that its page needs no internet
	@.venv/bin/python -m commands.fetch_graphiql

clients: .venv  ## Check the printed schema and a live server with the client tools
	@.venv/bin/python -m pytest tests/graphql/test_client_tools.py tests/graphql/test_graphiql.py tests/test_docs_clients.py
