-- wrk's requests: one page of the desk, by several editors in turn.
-- Arguments: the method, the path, and for each editor a session's secret and the form ("" for none).

function init(args)
   method, path = args[1], args[2]
   editors = {}
   for i = 3, #args, 2 do
      table.insert(editors, wrk.format(method, path, {
         ["Cookie"] = "digest_desk=" .. args[i],
         ["Sec-Fetch-Site"] = "same-origin",
         ["Accept-Encoding"] = "gzip",
         ["Content-Type"] = "application/x-www-form-urlencoded",
         ["User-Agent"] = "Mozilla/5.0 (bench)",
      }, args[i + 1] ~= "" and args[i + 1] or nil))
   end
   count = 0
end

function request()
   count = count + 1
   return editors[count % #editors + 1]
end

function done(summary, latency, requests)
   local errors = summary.errors
   io.write(string.format('{"requests": %d, "failed": %d, "p50_ms": %f, "p95_ms": %f}\n',
      summary.requests,
      errors.connect + errors.read + errors.write + errors.status + errors.timeout,
      latency:percentile(50) / 1000, latency:percentile(95) / 1000))
end
