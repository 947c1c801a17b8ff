"""What operators watch: counts, request times, and one trace from NiFi's InvokeHTTP to the run.

In reading order:

- `metrics`: counters of requests, and what the database looks like when somebody asks.
- `census`: counts of tables that grow without end, taken now and then.
- `trace_ids`: the trace of a shipment is the shipment's id, so both sides know it without telling each other.
- `spans`: where spans go; nowhere unless a collector is named.
- `requests`: a span for each request, continued from the caller's.
- `pulse`: workers say that they work.
- `runs`: the spans of a handoff, made from its events once it has ended.
"""
