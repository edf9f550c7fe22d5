-- Visitors of the counter page, for wrk: counts what each thread sends and what is
-- acknowledged. Once FOLDER has a file `stop`, nothing more is sent, and a thread whose
-- requests are all answered writes a file `answered-ADDRESS`.

local folder = os.getenv("FOLDER")
local PAUSE, FOR_EVER = 20, 3600 * 1000 -- milliseconds
local threads = {}
local visitors = {}

sent, acknowledged, refused = 0, 0, 0
pausing = 0 -- connections that will send after their pause, whatever comes

function setup(thread)
  -- wrk tries request() once in the first thread, and sends nothing.
  if #threads == 0 then
    thread:set("sent", -1)
    thread:set("pausing", 1)
  end
  table.insert(threads, thread)
end

function init()
  for number = 1, 200 do
    local headers = {["User-Agent"] = "Mozilla/5.0 (drill; wrk " .. number .. ")"}
    headers["Accept"] = "text/plain"
    visitors[number] = wrk.format("GET", nil, headers)
  end
end

function request()
  sent = sent + 1
  pausing = pausing - 1
  return visitors[math.random(#visitors)]
end

local function is_over()
  local file = io.open(folder .. "/stop")
  if file then file:close() end
  return file ~= nil
end

function delay()
  if is_over() then return FOR_EVER end
  pausing = pausing + 1
  return PAUSE
end

function response(status, _, body)
  if status == 200 and body:find("This page has been seen %d+ times") then
    acknowledged = acknowledged + 1
  else
    refused = refused + 1
  end
  if pausing == 0 and sent == acknowledged + refused and is_over() then
    io.open(folder .. "/answered-" .. tostring(wrk.thread):match("%w+$"), "w"):close()
  end
end

function done(summary, latency)
  local sums = {sent = 0, acknowledged = 0, refused = 0}
  for _, thread in ipairs(threads) do
    for name in pairs(sums) do sums[name] = sums[name] + thread:get(name) end
  end
  local errors = summary.errors
  print(string.format(
    '{"sent": %d, "acknowledged": %d, "p99": %.1f, "faults": {"bad answer": %d, '
      .. '"connect": %d, "read": %d, "write": %d, "timeout": %d}}',
    sums.sent, sums.acknowledged, latency:percentile(99) / 1000, sums.refused,
    errors.connect, errors.read, errors.write, errors.timeout))
end
