-- For wrk: appends of BYTES bytes (default 100) to STREAMS streams (default 1), one request at a time per connection.
local byte_count = tonumber(os.getenv("BYTES") or "100")
local stream_count = tonumber(os.getenv("STREAMS") or "1")
local body = string.rep("x", byte_count)
local headers = { ["Content-Type"] = "application/octet-stream" }
local next_stream = 0

function init(arguments) next_stream = math.random(0, stream_count - 1) end

function request()
  next_stream = (next_stream + 1) % stream_count
  return wrk.format("POST", "/v1/stream/bench-" .. next_stream, headers, body)
end

function response(status)
  if status ~= 204 then refused = (refused or 0) + 1 end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format("p50 %.0f us, p99 %.0f us, requests %d, refused or failed %d\n",
    latency:percentile(50), latency:percentile(99), summary.requests,
    errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end
