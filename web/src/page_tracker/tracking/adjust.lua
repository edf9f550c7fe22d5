#!lua flags=allow-oom
-- Changes the views of one page by hand, in one atomic step, and logs the change. A full
-- Redis runs it too: a page that is set to 0 frees memory.
--
-- KEYS[1] is the prefix of the keys of the site, which keys.py lists. No key has that
-- name: record.lua explains why.
-- The answer is a list: the reason for a refusal, or "", and the views of the page
-- before and after.

local prefix = KEYS[1]
local mode, page, amount = ARGV[1], ARGV[2], tonumber(ARGV[3])
local time, most_pages, most_views = ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
local most_changes = tonumber(ARGV[7])

local totals = prefix .. 'totals'
local pages, pages_uniques = prefix .. 'pages', prefix .. 'pages:uniques'
local adjusted, audit = prefix .. 'adjusted', prefix .. 'audit'

-- Lua would write a large number as 1e+15, which Redis rejects.
local function whole(number)
  return string.format('%.0f', number)
end

if redis.call('HEXISTS', totals, 'since') == 0 then
  return {'unknown site', '0', '0'}
end

-- Redis keeps what a script wrote before an error. So all that could be broken is read
-- before anything is written.
local stored = redis.call('HMGET', totals, 'views', 'uniques', 'edits')
table.insert(stored, redis.call('HGET', adjusted, page))
table.insert(stored, redis.call('ZSCORE', pages, page))
table.insert(stored, redis.call('ZSCORE', pages_uniques, page))
for place, number in ipairs(stored) do
  if number and (not number:match('^-?%d+$') or #number > 17) then
    return {'broken', '0', '0'}
  end
  stored[place] = tonumber(number or 0)
end
redis.call('HEXISTS', prefix .. 'titles', page)
redis.call('LRANGE', audit, 0, 0)

local before, uniques = stored[5], stored[6]
local after = mode == 'add' and before + amount or amount
local site_views = stored[1] + after - before

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
redis.call('HINCRBY', totals, 'edits', 1)
if redis.call('HINCRBY', adjusted, page, whole(after - before)) == 0 then
  redis.call('HDEL', adjusted, page)
end

-- A page without views is deleted: record.lua takes its next view for that of a new page.
if after == 0 then
  redis.call('ZREM', pages, page)
  redis.call('HDEL', prefix .. 'titles', page)
else
  redis.call('ZADD', pages, whole(after), page)
end

-- Each unique view is a view, so a page cannot have more of them than views.
local excess = math.max(0, uniques - after)
if excess > 0 then
  redis.call('HINCRBY', totals, 'uniques', whole(-excess))
  if after == 0 then
    redis.call('ZREM', pages_uniques, page)
  else
    redis.call('ZADD', pages_uniques, whole(after), page)
  end
end

redis.call('LPUSH', audit, string.format(
  '{"time": "%s", "page": %s, "from": %s, "to": %s, "amount": %s}',
  time, cjson.encode(page), whole(before), whole(after), whole(after - before)))
redis.call('LTRIM', audit, 0, most_changes - 1)

return answer('')
