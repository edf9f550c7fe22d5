#!lua
-- Puts the new sums of a month in place, in one atomic step.
--
-- KEYS[1] is the prefix of the site's keys, which keys.py lists. No key has that name:
-- record.lua explains why. ARGV[1] has, as JSON, the month, the token of the process that
-- summed it, the moment at which the sums expire, the names of the sorted sets, the
-- views by reason (filtered), and the counts of each day (days).
--
-- The answer is 1, or 0 if the days were changed meanwhile or the site was removed.

local prefix, plan = KEYS[1], cjson.decode(ARGV[1])
local month = prefix .. 'month:' .. plan.month .. ':'

if redis.call('HEXISTS', prefix .. 'totals', 'since') == 0
  or redis.call('GET', month .. 'summing') ~= plan.token then
  for _, name in ipairs(plan.names) do
    redis.call('UNLINK', month .. 'new:' .. name)
  end
  return 0
end

for _, name in ipairs(plan.names) do
  local key, made = month .. name, month .. 'new:' .. name
  redis.call('UNLINK', key) -- RENAME would delete it at once, and slowly
  if redis.call('EXISTS', made) == 1 then
    redis.call('RENAME', made, key)
    redis.call('EXPIREAT', key, plan.expires)
  end
end

local function put(name, numbers)
  local key = month .. name
  redis.call('UNLINK', key)
  if #numbers > 0 then
    redis.call('HSET', key, unpack(numbers))
    redis.call('EXPIREAT', key, plan.expires)
  end
end
put('filtered', plan.filtered)
put('days', plan.days)
redis.call('DEL', month .. 'summing')
redis.call('SET', month .. 'summed', '1', 'EX', 300)
return 1
