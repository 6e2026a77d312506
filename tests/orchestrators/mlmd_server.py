"""MLMD's gRPC server. Its wheel has none, but the whole store and the description of the service: this stands between them.

    python -m tests.orchestrators.mlmd_server sqlite:///tmp/metadata.sqlite

It listens on a free port of the loopback and says which: `grpc://127.0.0.1:PORT`.
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
    """Yields the address of a server in a process of its own, as `metadata.uri` takes it.

    Args:
        uri: where it keeps everything, in the form of `metadata.uri`.
        environment: of the process; METADATA_USER and METADATA_PASSWORD are what it logs in with.
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
    """Serves until the process ends."""
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
    function = getattr(stores, method.name, None)

    def answer(request, context):
        if function is None:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, f"The store of this release has no {method.name}.")
        with one_at_a_time:
            response, message, code = function(store, request)
        if code:
            context.abort(_CODES[code], message.decode() if isinstance(message, bytes) else message)
        return response

    return grpc.unary_unary_rpc_method_handler(answer)  # messages pass as they are: bytes in, bytes out


if __name__ == "__main__":
    serve(sys.argv[1])
