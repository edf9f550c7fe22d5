-- Counts one view, in one atomic step, and says how often its page and site were seen.
--
-- KEYS[1] is what all keys of the site begin with; keys.py lists them all. It is no key
-- itself, so while a Redis Cluster moves their slot, which it does key by key, it says of
-- this one that it is elsewhere, and does not run the script: nothing is half counted.
-- The answer is a list: why the view was not counted ("" when it was), whether its id
-- was counted before, the page as it was counted ("(other)" when there are too many);
-- then views of the page, its visits, its views on that day; views and visits of the
-- site. {"salt", bytes, milliseconds that it stays} instead, with nothing changed, when
-- the day of the site has another salt than the one that was used.

local prefix = KEYS[1]
local day, hour, page, title, id = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local event, reason = ARGV[6], ARGV[7]
local visitor, salt = ARGV[8], ARGV[9]
local address, rate, minute = ARGV[10], tonumber(ARGV[11]), ARGV[12]
local most_pages, most_values = tonumber(ARGV[13]), tonumber(ARGV[14])
local longest, expires = tonumber(ARGV[15]), ARGV[16]
-- From ARGV[17] on: the name of a dimension, its value, and so on.

local OTHER = '(other)'
local DAY = 86400

local totals = prefix .. 'totals'
local pages, pages_visits = prefix .. 'pages', prefix .. 'pages:visits'
local today = prefix .. 'day:' .. day .. ':'
local page_visitors = today .. 'visitors:'

-- Says whether a sorted set has too many members. "(other)" is not one of them.
local function is_full(key, most)
  local size = redis.call('ZCARD', key)
  return size > most and (size > most + 1 or not redis.call('ZSCORE', key, OTHER))
end

-- Adds a number to a member of a sorted set; returns the sum and the member, which is
-- "(other)" where the member is new and the set is full.
local function add(key, member, amount, most, lifetime)
  local sum = redis.call('ZINCRBY', key, amount, member)
  if tonumber(sum) == amount then
    if most and member ~= OTHER and (#member > longest or is_full(key, most)) then
      redis.call('ZREM', key, member)
      member = OTHER
      sum = redis.call('ZINCRBY', key, amount, member)
    end
    if lifetime then
      redis.call('EXPIREAT', key, lifetime, 'NX')
    end
  end
  return sum, member
end

local function increment(key, field, amount)
  if redis.call('HINCRBY', key, field, amount) == amount then
    redis.call('EXPIREAT', key, expires, 'NX')
  end
end

local function numbers(repeated)
  local site = redis.call('HMGET', totals, 'views', 'visits')
  local views = redis.call('ZSCORE', pages, page)
  if not views and (#page > longest or redis.call('ZCARD', pages) > most_pages) then
    page = OTHER
    views = redis.call('ZSCORE', pages, page)
  end
  return {
    reason, repeated, page,
    views or '0',
    redis.call('ZSCORE', pages_visits, page) or '0',
    redis.call('ZSCORE', today .. 'pages', page) or '0',
    site[1] or '0', site[2] or '0',
  }
end

-- A site that was removed must not come back by a view that was on its way.
local since = redis.call('HGET', totals, 'since')
if not since then
  return {'unknown site', 0, page, '0', '0', '0', '0', '0'}
end

if salt ~= '' then
  local stored = redis.call('SET', today .. 'salt', salt, 'NX', 'GET', 'EX', 2 * DAY)
  if stored and stored ~= salt then
    return {'salt', stored, redis.call('PTTL', today .. 'salt')}
  end
end

local seen = prefix .. 'seen:' .. id
if id ~= '' and redis.call('EXISTS', seen) == 1 then
  return numbers(1)
end

if reason == '' and rate > 0 and address ~= '' then
  local key = prefix .. 'rate:' .. minute .. ':' .. address
  local views = redis.call('INCR', key)
  if views == 1 then
    redis.call('EXPIRE', key, 120)
  end
  if views > rate then
    reason = 'rate'
  end
end

if reason ~= '' then
  increment(today .. 'filtered', reason, 1)
  return numbers(0)
end

-- Of what was not counted no id is kept: it may count later, and nothing bounds how many
-- a bot makes up.
if id ~= '' then
  redis.call('SET', seen, '1', 'EX', DAY)
end

if event ~= '' then
  add(prefix .. 'events', event, 1, most_values)
  add(today .. 'events', event, 1, most_values, expires)
  return numbers(0)
end

local views, visits, views_today
views, page = add(pages, page, 1, most_pages)
views_today = add(today .. 'pages', page, 1, nil, expires)
increment(today .. 'hours', hour, 1)
local site_views = redis.call('HINCRBY', totals, 'views', 1)
if day < since then
  redis.call('HSET', totals, 'since', day)
end

local new, visitor_of_page = 0, visitor
if visitor ~= '' then
  local key = page_visitors .. page
  if page == OTHER then
    visitor_of_page = visitor .. ARGV[3] -- pages that share a count share no visitor
  end
  -- A first view changes the estimate by one, or by none or two where it is rounded;
  -- among thousands of visitors it can be too large, and a visit is a view.
  local before = redis.call('PFCOUNT', key)
  if redis.call('PFADD', key, visitor_of_page) == 1 then
    redis.call('EXPIRE', key, 2 * DAY, 'NX')
    local others = views_today - (redis.call('ZSCORE', today .. 'visits', page) or 0)
    new = math.max(0, math.min(redis.call('PFCOUNT', key) - before, others))
  end
  if redis.call('PFADD', today .. 'visitors', visitor) == 1 then
    redis.call('EXPIREAT', today .. 'visitors', expires, 'NX')
  end
end

local site_visits
if new > 0 then
  visits = redis.call('ZINCRBY', pages_visits, new, page)
  add(today .. 'visits', page, new, nil, expires)
  increment(today .. 'hours:visits', hour, new)
  site_visits = redis.call('HINCRBY', totals, 'visits', new)
else
  visits = redis.call('ZSCORE', pages_visits, page) or '0'
  site_visits = redis.call('HGET', totals, 'visits') or '0'
end

if title ~= '' and page ~= OTHER and redis.call('HGET', prefix .. 'titles', page) ~= title then
  redis.call('HSET', prefix .. 'titles', page, title)
end

for i = 17, #ARGV, 2 do
  add(today .. ARGV[i], ARGV[i + 1], 1, most_values, expires)
end

return {'', 0, page, views, visits, views_today, site_views, site_visits}
