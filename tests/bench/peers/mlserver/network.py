"""An ONNX network as MLServer's model; see serve.py."""

import os

import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class Network(MLModel):
    async def load(self) -> bool:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(os.environ["THREADS"])
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.session = onnxruntime.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])
        self.names = [output.name for output in self.session.get_outputs()]
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        values = self.session.run(self.names, {each.name: NumpyCodec.decode_input(each) for each in payload.inputs})
        outputs = [NumpyCodec.encode_output(name, value) for name, value in zip(self.names, values)]
        return InferenceResponse(model_name=self.name, outputs=outputs)
