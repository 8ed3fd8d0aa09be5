"""The report of an evaluation."""

from pydantic import Field

from twin.models import StageReport


class EvaluationReport(StageReport):
    """Loss of base and adapter on the author's words. `written` is 0 if a stored evaluation was reused.

    A loss is the mean over the completion's tokens, its end-of-turn token included, in nats. Bits per byte divide the
    same sum by the UTF-8 bytes of the outputs, so they can be compared between tokenizers.
    """

    split: str = Field(description='the samples it was measured on; "train" if nothing is held out, see note')
    samples: int = Field(description="number of these samples")
    tokens: int = Field(description="tokens of their outputs, end-of-turn tokens included")
    base_loss: float = Field(description="mean loss of the base model in nats per token")
    adapter_loss: float = Field(description="the same with the adapter")
    base_bits_per_byte: float = Field(description="loss of the base model in bits for each byte of the outputs")
    adapter_bits_per_byte: float = Field(description="the same with the adapter")
    gain: float = Field(description="base_loss minus adapter_loss: above 0, the adapter helps")
    prompt: str = Field(description="one instruction")
    base_text: str = Field(description="how the base model continues it")
    adapter_text: str = Field(description="how the adapter continues it")
    note: str = Field(default="", description="why the numbers say little, if so")
