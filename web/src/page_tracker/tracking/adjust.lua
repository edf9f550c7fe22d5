-- Changes the views of one page by hand, in one atomic step, and notes the change.
--
-- KEYS[1] is what all keys of the site begin with; keys.py lists them all. It is no key
-- itself, for the reason that record.lua gives.
-- The answer is a list: why nothing was changed ("" when it was, or needed not be), and
-- views of the page before and after.

local prefix = KEYS[1]
local mode, page, amount = ARGV[1], ARGV[2], tonumber(ARGV[3])
local time, most_pages, most_views = ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
local most_changes = tonumber(ARGV[7])

local totals = prefix .. 'totals'
local pages, pages_visits = prefix .. 'pages', prefix .. 'pages:visits'
local adjusted, audit = prefix .. 'adjusted', prefix .. 'audit'

-- As Redis takes it: large numbers would be written as 1e+15.
local function whole(number)
  return string.format('%.0f', number)
end

if redis.call('HEXISTS', totals, 'since') == 0 then
  return {'unknown site', '0', '0'}
end

local before = tonumber(redis.call('ZSCORE', pages, page) or '0')
local after = mode == 'add' and before + amount or amount
local site_views = tonumber(redis.call('HGET', totals, 'views') or '0') + after - before

local function answer(refusal)
  return {refusal, whole(before), whole(after)}
end

if after < 0 then
  return answer('negative')
elseif after > most_views or site_views > most_views then
  return answer('too many views')
elseif before == 0 and after > 0 and page ~= '(other)'
    and redis.call('ZCARD', pages) >= most_pages
      + (redis.call('ZSCORE', pages, '(other)') and 1 or 0) then
  return answer('too many pages')
elseif after == before then
  return answer('')
end

redis.call('HSET', totals, 'views', whole(site_views))
if redis.call('HINCRBY', adjusted, page, whole(after - before)) == 0 then
  redis.call('HDEL', adjusted, page)
end

-- A page that has no views is none: record.lua knows a new one by that.
if after == 0 then
  redis.call('ZREM', pages, page)
  redis.call('HDEL', prefix .. 'titles', page)
else
  redis.call('ZADD', pages, whole(after), page)
end

-- A visit is a view: there are never more of them.
local visits = tonumber(redis.call('ZSCORE', pages_visits, page) or '0')
local excess = math.max(0, visits - after)
if excess > 0 then
  redis.call('HINCRBY', totals, 'visits', whole(-excess))
  if after == 0 then
    redis.call('ZREM', pages_visits, page)
  else
    redis.call('ZADD', pages_visits, whole(after), page)
  end
end

redis.call('LPUSH', audit, string.format(
  '{"time": "%s", "page": %s, "from": %s, "to": %s, "amount": %s}',
  time, cjson.encode(page), whole(before), whole(after), whole(after - before)))
redis.call('LTRIM', audit, 0, most_changes - 1)

return answer('')
