"""What every mapping of the cluster file has in common, as it is written."""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, model_validator


class Written(BaseModel):
    """Strict: a value has the right type or is refused, and an unknown key is an error. `null` is an empty mapping."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    later: ClassVar[frozenset[str]] = frozenset()
    """Keys of the cluster file's intended shape that aren't built yet."""

    @classmethod
    def keys(cls) -> list[str]:
        """The keys as they are written."""
        return [body.alias or name for name, body in cls.model_fields.items()]

    @model_validator(mode="before")
    @classmethod
    def _null_is_empty(cls, data: Any) -> Any:
        return {} if data is None else data
