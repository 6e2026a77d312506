"""MLMD's gRPC server. MLMD's wheel holds the store and the gRPC service's description, but no server: this file joins them.

    python -m tests.orchestrators.mlmd_server sqlite:///tmp/metadata.sqlite

The server listens on a free loopback port and prints its address, `grpc://127.0.0.1:PORT`.
"""

import contextlib
import subprocess
import sys
import threading
from concurrent import futures

import grpc
from ml_metadata.metadata_store.pywrap.metadata_store_extension import metadata_store as stores
from ml_metadata.proto import metadata_store_pb2, metadata_store_service_pb2

from pipeline.metadata import connection
from tests.support import cli

_SERVICE = metadata_store_service_pb2.DESCRIPTOR.services_by_name["MetadataStoreService"]
_CODES = {code.value[0]: code for code in grpc.StatusCode}


@contextlib.contextmanager
def running(uri, environment=None):
    """Starts a server in a new process. Yields its address in the form of `metadata.uri`.

    Args:
        uri: database that the server stores metadata in, in the form of `metadata.uri`.
        environment: of the process. The server logs in to its database with METADATA_USER and METADATA_PASSWORD.

    Raises:
        RuntimeError: the server ended before it printed its address.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", __name__, uri],
        cwd=cli.ROOT, env=environment or cli.environment(), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        address = process.stdout.readline().strip()
        if not address:
            raise RuntimeError(f"The MLMD server for {uri} has ended with status {process.wait()}.")
        yield address
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def serve(uri):
    """Prints the address of a server on database `uri`, and serves until the process ends."""
    migration = metadata_store_pb2.MigrationOptions()
    store = stores.CreateMetadataStore(connection.connection_config(uri).SerializeToString(), migration.SerializeToString())
    options = [("grpc.max_receive_message_length", -1), ("grpc.so_reuseport", 0)]
    server = grpc.server(futures.ThreadPoolExecutor(4), options=options)
    one_at_a_time = threading.Lock()
    methods = {method.name: _handler(method, store, one_at_a_time) for method in _SERVICE.methods}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(_SERVICE.full_name, methods)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(f"grpc://127.0.0.1:{port}", flush=True)
    server.wait_for_termination()


def _handler(method, store, one_at_a_time):
    """Returns the gRPC handler that calls the store's function of the same name."""
    function = getattr(stores, method.name, None)

    def answer(request, context):
        if function is None:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, f"The store of this release has no {method.name}.")
        with one_at_a_time:
            response, message, code = function(store, request)
        if code:
            context.abort(_CODES[code], message.decode() if isinstance(message, bytes) else message)
        return response

    return grpc.unary_unary_rpc_method_handler(answer)  # bytes in, bytes out: the store parses messages itself


if __name__ == "__main__":
    serve(sys.argv[1])
