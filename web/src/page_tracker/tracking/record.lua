-- Counts one view in one atomic step, and returns the numbers of its page and its site.
-- `wire.py` has the names of its arguments and of its answer, in the same order.
--
-- KEYS[1] is the prefix of the site's keys (`keys.py` lists them). No key has that name.
-- While a Redis Cluster moves their slot, key by key, Redis redirects for a missing key.
-- So the script never runs on half of a site.
--
-- Where the day has another salt than the view, the answer is {"salt", that salt, the
-- milliseconds that Redis keeps it}, and nothing was changed.

local prefix = KEYS[1]
local day, hour, page, title, id, event, reason, visitor, salt, address, rate, minute,
  most_pages, most_values, longest, expires = unpack(ARGV, 1, 16)
rate, longest = tonumber(rate), tonumber(longest)
most_pages, most_values = tonumber(most_pages), tonumber(most_values)
local FIRST_DIMENSION = 17 -- from there on: a name, its value, and so on

local OTHER = '(other)'
-- Names of ours have room in each sorted set: a full one still counts them.
local OURS = {[OTHER] = true, ['(direct)'] = true, ['(internal)'] = true,
  ['(unknown)'] = true}
local DAY = 86400

local totals = prefix .. 'totals'
local pages, pages_uniques = prefix .. 'pages', prefix .. 'pages:uniques'
local today = prefix .. 'day:' .. day .. ':'
local page_visitors = today .. 'visitors:'

-- Returns whether a sorted set is full. "(other)" does not count as a member.
local function is_full(key, most)
  local size = redis.call('ZCARD', key)
  return size > most and (size > most + 1 or not redis.call('ZSCORE', key, OTHER))
end

-- Adds a number to a member of a sorted set. Returns the sum and the member: "(other)"
-- if the member is new and the set is full.
local function add(key, member, amount, most, lifetime)
  local sum = redis.call('ZINCRBY', key, amount, member)
  if tonumber(sum) == amount then
    if most and not OURS[member] and (#member > longest or is_full(key, most)) then
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
  local site = redis.call('HMGET', totals, 'views', 'uniques')
  local views = redis.call('ZSCORE', pages, page)
  if not views and (#page > longest or redis.call('ZCARD', pages) > most_pages) then
    page = OTHER
    views = redis.call('ZSCORE', pages, page)
  end
  return {
    reason, repeated, page,
    views or '0',
    redis.call('ZSCORE', pages_uniques, page) or '0',
    redis.call('ZSCORE', today .. 'pages', page) or '0',
    site[1] or '0', site[2] or '0',
  }
end

-- A view on its way must not bring a removed site back.
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

-- A view that was not counted leaves no id: it may count later, and a bot can invent any
-- number of ids.
if id ~= '' then
  redis.call('SET', seen, '1', 'EX', DAY)
end

if event ~= '' then
  add(today .. 'events', event, 1, most_values, expires)
  return numbers(0)
end

local sent_page = page
local views, uniques, views_today
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
    visitor_of_page = visitor .. sent_page -- pages that share a count share no visitor
  end
  -- A first view changes the estimate by one; by none or two where it is rounded. Among
  -- thousands of visitors the estimate can be too large. Every unique view is a view.
  local before = redis.call('PFCOUNT', key)
  if redis.call('PFADD', key, visitor_of_page) == 1 then
    redis.call('EXPIRE', key, 2 * DAY, 'NX')
    local others = views_today - (redis.call('ZSCORE', today .. 'uniques', page) or 0)
    new = math.max(0, math.min(redis.call('PFCOUNT', key) - before, others))
  end
  if redis.call('PFADD', today .. 'visitors', visitor) == 1 then
    redis.call('EXPIREAT', today .. 'visitors', expires, 'NX')
  end
end

local site_uniques
if new > 0 then
  uniques = redis.call('ZINCRBY', pages_uniques, new, page)
  add(today .. 'uniques', page, new, nil, expires)
  increment(today .. 'hours:uniques', hour, new)
  site_uniques = redis.call('HINCRBY', totals, 'uniques', new)
else
  uniques = redis.call('ZSCORE', pages_uniques, page) or '0'
  site_uniques = redis.call('HGET', totals, 'uniques') or '0'
end

if title ~= '' and page ~= OTHER and redis.call('HGET', prefix .. 'titles', page) ~= title then
  redis.call('HSET', prefix .. 'titles', page, title)
end

for i = FIRST_DIMENSION, #ARGV, 2 do
  add(today .. ARGV[i], ARGV[i + 1], 1, most_values, expires)
end

return {'', 0, page, views, uniques, views_today, site_views, site_uniques}
