-- Counts one view in one atomic step, and returns the numbers of its page and its site.
-- `wire.py` has the names of its arguments and of its answer, in the same order.
--
-- KEYS[1] is the prefix of the site's keys (`keys.py` lists them). No key has that name.
-- While a Redis Cluster moves their slot, key by key, Redis redirects for a missing key.
-- So the script never runs on half of a site.
--
-- Where the day has another salt than the view, the answer is {"salt", that salt, the
-- milliseconds that Redis keeps it}, and nothing was changed.
--
-- The salt, and the views of senders in this minute, are for memory only: the file of
-- Redis does not get them.

local prefix = KEYS[1]
local day, hour, page, title, id, event, reason, visitor, salt, address, network, rate,
  network_rate, site_rate, minute, may_name, is_page_seconded, is_title_seconded,
  most_pages, most_values, longest, forgets, forgets_id, expires = unpack(ARGV, 1, 24)
rate, network_rate = tonumber(rate), tonumber(network_rate)
site_rate = tonumber(site_rate)
most_pages, most_values = tonumber(most_pages), tonumber(most_values)
longest, may_name = tonumber(longest), may_name == '1'
is_page_seconded, is_title_seconded = is_page_seconded == '1', is_title_seconded == '1'
local FIRST_DIMENSION = 25 -- from there on: a name, its value, and so on

local OTHER = '(other)'
-- Names of ours have room in each sorted set: a full one still counts them.
local OURS = {[OTHER] = true, ['(direct)'] = true, ['(internal)'] = true,
  ['(unknown)'] = true}
local DAY = 86400

local BYTES_OF_ROW = 80 -- what a name takes beside its text

local totals = prefix .. 'totals'
local pages, pages_uniques = prefix .. 'pages', prefix .. 'pages:uniques'
local titles = prefix .. 'titles'
local today = prefix .. 'day:' .. day .. ':'

-- The bytes of names that this view adds
local added = 0

-- Returns the number of members of a sorted set. "(other)" does not count.
local function size_of(key, most)
  local size = redis.call('ZCARD', key)
  return size >= most and redis.call('ZSCORE', key, OTHER) and size - 1 or size
end

-- Adds a number to a member of a sorted set. Returns the sum and the member: "(other)"
-- if the member is new and must not be.
local function add(key, member, amount, lifetime, may_add)
  local sum = redis.call('ZINCRBY', key, amount, member)
  if tonumber(sum) == amount then
    if OURS[member] or not may_add or may_add(key, member) then
      added = added + #member + BYTES_OF_ROW
    else
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

local function may_add_value(key, value)
  return #value <= longest and may_name and size_of(key, most_values) <= most_values
end

-- A page that has numbers already keeps its name on a new day. In a site that has half
-- of its pages, another one needs two senders: one alone can invent any number.
local function may_add_page(_, name)
  if #name > longest or not may_name or redis.call('ZSCORE', pages, name) then
    return #name <= longest and may_name
  end
  local size = size_of(pages, most_pages)
  return size < most_pages and (is_page_seconded or 2 * size < most_pages)
end

local function increment(key, field, amount)
  if redis.call('HINCRBY', key, field, amount) == amount then
    redis.call('EXPIREAT', key, expires, 'NX')
  end
end

-- Runs a command whose effect stays in memory.
local function in_memory(...)
  redis.set_repl(redis.REPL_NONE)
  local answer = redis.call(...)
  redis.set_repl(redis.REPL_ALL)
  return answer
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
    site[1] or '0', site[2] or '0', 0, 0,
  }
end

-- A view on its way must not bring a removed site back.
local since = redis.call('HGET', totals, 'since')
if not since then
  return {'unknown site', 0, page, '0', '0', '0', '0', '0', 0, 0}
end

if salt ~= '' then
  local stored = in_memory('SET', today .. 'salt', salt, 'NX', 'GET', 'EXAT', forgets)
  if stored and stored ~= salt then
    return {'salt', stored, redis.call('PTTL', today .. 'salt')}
  end
end

-- An id belongs to the page or the event that it was sent with.
local sent_with = redis.sha1hex(table.concat({id, event, page}, '\n'))
local seen = prefix .. 'seen:' .. sent_with:sub(1, 20)
-- An older version remembered the id alone.
if id ~= '' and redis.call('EXISTS', seen, prefix .. 'seen:' .. id) > 0 then
  return numbers(1)
end

-- The limits of a minute: of the sender, of the network around it, and of the site
local rates = prefix .. 'rate:' .. minute
local limits = {{address, 'rate', rate}, {network, 'rate', network_rate},
  {'site', 'site rate', site_rate}}
local counts = {}
if reason == '' and rate + site_rate > 0 then
  local views = redis.call('HMGET', rates, address, network, 'site')
  for place, limit in ipairs(limits) do
    local name, refusal, most = unpack(limit)
    local before = tonumber(views[place] or 0)
    if most > 0 and before >= most then
      reason = refusal
      break
    end
    if most > 0 then
      table.insert(counts, name)
      table.insert(counts, before + 1)
    end
  end
end

if reason ~= '' then
  increment(today .. 'filtered', reason, 1)
  return numbers(0)
end

if #counts > 0 and in_memory('HSET', rates, unpack(counts)) > 0 then
  in_memory('EXPIRE', rates, 120, 'NX')
end

-- A view that was not counted leaves no id: it may count later, and a bot can invent any
-- number of ids.
if id ~= '' then
  redis.call('SET', seen, '1', 'EXAT', forgets_id)
end

if event ~= '' then
  add(today .. 'events', event, 1, expires, may_add_value)
  local reply = numbers(0)
  reply[10] = added
  return reply
end

local sent_page, views, uniques, views_today = page
views_today, page = add(today .. 'pages', page, 1, expires, may_add_page)
views = add(pages, page, 1)
increment(today .. 'hours', hour, 1)
local site_views = redis.call('HINCRBY', totals, 'views', 1)
if day < since then
  redis.call('HSET', totals, 'since', day)
end

-- A page that takes one of the last places, or finds none, calls for room.
local needs_room = 0
if (page == OTHER or views == '1') and
  size_of(pages, most_pages) >= most_pages - math.floor(most_pages / 100) then
  needs_room = 1
end

local new, visitor_of_page = 0, visitor
if visitor ~= '' then
  local key = today .. 'visitors:' .. page
  if page == OTHER then
    -- Pages that share a count share no visitor.
    visitor_of_page = visitor .. redis.sha1hex(sent_page):sub(1, 8)
  end
  -- A first view changes the estimate by one; by none or two where it is rounded. Among
  -- thousands of visitors the estimate can be too large. Every unique view is a view.
  local before = redis.call('PFCOUNT', key)
  if redis.call('PFADD', key, visitor_of_page) == 1 then
    redis.call('EXPIREAT', key, forgets, 'NX')
    local others = views_today - (redis.call('ZSCORE', today .. 'uniques', page) or 0)
    new = math.max(0, math.min(redis.call('PFCOUNT', key) - before, others))
  end
  if redis.call('PFADD', today .. 'visitors', visitor) == 1 then
    redis.call('EXPIREAT', today .. 'visitors', expires, 'NX')
  end
end

local site_uniques
if new > 0 then
  uniques = add(pages_uniques, page, new)
  add(today .. 'uniques', page, new, expires)
  increment(today .. 'hours:uniques', hour, new)
  site_uniques = redis.call('HINCRBY', totals, 'uniques', new)
else
  uniques = redis.call('ZSCORE', pages_uniques, page) or '0'
  site_uniques = redis.call('HGET', totals, 'uniques') or '0'
end

-- One sender alone cannot rename a page: it keeps its title until two senders in a row
-- send the same new one.
if title ~= '' and page ~= OTHER then
  local known = redis.call('HGET', titles, page)
  if not known and may_name then
    added = added + #page + #title + BYTES_OF_ROW
  end
  if (not known and may_name) or (known and known ~= title and is_title_seconded) then
    redis.call('HSET', titles, page, title)
  end
end

for i = FIRST_DIMENSION, #ARGV, 2 do
  add(today .. ARGV[i], ARGV[i + 1], 1, expires, may_add_value)
end

return {'', 0, page, views, uniques, views_today, site_views, site_uniques,
  needs_room, added}
