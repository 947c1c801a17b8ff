"""What a site decides about senders: how much of what, how fast, and how slow they may be."""

from pydantic import BaseModel, ConfigDict, Field, IPvAnyNetwork, PositiveFloat, PositiveInt


class AccessLimits(BaseModel):
    """Limits of one replica. The defaults stop a runaway program, and no hospital's own traffic."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    requests_per_second: PositiveFloat = Field(500, description="Of one principal, on average.")
    burst_requests: PositiveInt = Field(2000, description="Of one principal, at once.")
    address_requests_per_second: PositiveFloat = Field(1000, description="Of one address, on average.")
    address_burst_requests: PositiveInt = Field(4000, description="Of one address, at once.")
    failures_per_minute: PositiveFloat = Field(
        30, description="Requests without a known token, of one address; more get 429, are not looked at and noted."
    )
    connections: PositiveInt = Field(800, description="Open connections of all addresses; more are closed.")
    connections_per_address: PositiveInt = Field(400, description="Open connections of one address; more are closed.")
    header_seconds: PositiveFloat = Field(10, description="Seconds in which a request's headers must have come.")
    silence_seconds: PositiveFloat = Field(30, description="Longest pause within a request's body, in seconds.")
    slowest_bytes_per_second: PositiveInt = Field(
        4096, description="Slowest body on average, once the seconds of one pause have passed."
    )
    max_json_bytes: PositiveInt = Field(1 << 20, description="Largest JSON body, in bytes, where no route has its own.")
    max_long_json_bytes: PositiveInt = Field(
        16 << 20, description="Largest JSON body that holds a pipeline or a list of studies or shipments, in bytes."
    )
    max_result_file_bytes: PositiveInt = Field(8 << 30, description="Largest file that a run may put, in bytes.")
    proxies: tuple[IPvAnyNetwork, ...] = Field(
        (), description="Addresses whose word on where a request came from (X-Forwarded-For) is taken."
    )
