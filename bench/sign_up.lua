-- wrk's requests: the sign-up form, with another reader from another network each time.
-- Arguments: the number of the wording that the form showed, and a word that tells runs apart.

local threads = 0

function setup(thread)
   thread:set("id", threads)
   threads = threads + 1
end

function init(args)
   wording, run = args[1], args[2]
   count = 0
end

function request()
   count = count + 1
   -- A network of its own for each reader, 20.0.0.0 and up: all of them are public.
   local network = (20 + id * 8) * 65536 + count
   local ip = string.format("%d.%d.%d.7", network / 65536, network / 256 % 256, network % 256)
   local body = string.format(
      "email=%s-%d-%d%%40example.org&newsletter=editors-digest&consent=on&wording=%s",
      run, id, count, wording)
   return wrk.format("POST", "/subscribe", {
      ["Content-Type"] = "application/x-www-form-urlencoded",
      ["X-Forwarded-For"] = ip,
      ["User-Agent"] = "Mozilla/5.0 (bench)",
   }, body)
end

function done(summary, latency, requests)
   local errors = summary.errors
   io.write(string.format('{"requests": %d, "seconds": %f, "failed": %d, "p99_ms": %f}\n',
      summary.requests, summary.duration / 1e6,
      errors.connect + errors.read + errors.write + errors.status + errors.timeout,
      latency:percentile(99) / 1000))
end
