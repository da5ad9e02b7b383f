"""An ONNX network behind MLServer with its adaptive batching.

MODEL, NAME, PORT, BATCH (rows) and THREADS (of ONNX Runtime, in each process) come from the environment.
"""

import asyncio
import os

from mlserver import MLServer, ModelSettings, Settings
from mlserver.settings import ModelParameters

from network import Network


def free() -> int:
    """A port for what cannot be switched off: gRPC and metrics."""
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


async def main() -> None:
    settings = Settings(
        host="127.0.0.1", http_port=int(os.environ["PORT"]), grpc_port=free(), metrics_port=free(), debug=False,
        # The network runs in this process: a queue to another one costs more than the small network does, and the large one takes
        # all cores by threads of its own.
        parallel_workers=0, access_log=False,
    )
    model = ModelSettings(
        name=os.environ["NAME"], implementation=Network, max_batch_size=int(os.environ["BATCH"]), max_batch_time=0.001,
        parameters=ModelParameters(uri=os.environ["MODEL"]),
    )
    await MLServer(settings).start([model])


if __name__ == "__main__":
    asyncio.run(main())
