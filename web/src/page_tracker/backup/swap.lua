#!lua flags=allow-oom
-- Replaces all counts of a site by those that were loaded beside them, in one atomic step.
-- A full Redis runs it too: it adds nothing.
--
-- KEYS[1] is the prefix of the site's keys. No key has that name: record.lua explains why.
-- ARGV[1] has, as JSON, the prefix of the loaded keys (staging), their names (keys), each
-- with the moment at which it expires, or 0, the names of the keys of all time, of those of
-- a day and of a month, the days that the site may have, the number of the restore (run),
-- or "", and whether the site must have no views (only_without_views).
-- ARGV[2] is the first day of the site (since), or "": it tells that the days are right.
--
-- The answer is "", and otherwise nothing was changed: "days" if the site has another first
-- day by now, "expired" if a loaded key is gone, and "counted" if it has views.
--
-- The salt of a day and the visitors of its pages stay: views go on beside this step.

local prefix, plan = KEYS[1], cjson.decode(ARGV[1])
local AT_ONCE = 1000

local totals = prefix .. 'totals'
local since, edits, views = unpack(redis.call('HMGET', totals, 'since', 'edits', 'views'))
if (since or '') ~= ARGV[2] then
  return 'days'
end
if plan.only_without_views and tonumber(views or 0) > 0 then
  return 'counted'
end
for _, key in ipairs(plan.keys) do
  if redis.call('EXISTS', plan.staging .. key[1]) == 0 then
    return 'expired'
  end
end

local gone = {}
local function unlink(name)
  table.insert(gone, prefix .. name)
  if #gone == AT_ONCE then
    redis.call('UNLINK', unpack(gone))
    gone = {}
  end
end
for _, name in ipairs(plan.of_all_time) do
  unlink(name)
end
local months = {}
for _, key in ipairs(plan.keys) do
  months[key[1]:match('^day:(%d+%-%d+)') or ''] = true
end
for _, day in ipairs(plan.days) do
  for _, name in ipairs(plan.of_day) do
    unlink('day:' .. day .. ':' .. name)
  end
  months[day:sub(1, 7)] = true
end
months[''] = nil
for month in pairs(months) do
  for _, name in ipairs(plan.of_month) do
    unlink('month:' .. month .. ':' .. name)
  end
end
if #gone > 0 then
  redis.call('UNLINK', unpack(gone))
end

for _, key in ipairs(plan.keys) do
  local name, expires = key[1], key[2]
  redis.call('RENAME', plan.staging .. name, prefix .. name)
  if expires > 0 then
    redis.call('EXPIREAT', prefix .. name, expires)
  else
    redis.call('PERSIST', prefix .. name)
  end
end

-- A backup that reads the site now must notice.
local loaded = redis.call('HGET', totals, 'edits')
redis.call('HSET', totals, 'edits', string.format('%.0f',
  math.max(tonumber(edits) or 0, tonumber(loaded) or 0) + 1))
if plan.run ~= '' then
  redis.call('HSET', totals, 'restored', plan.run)
else
  redis.call('HDEL', totals, 'restored')
end
return ''
