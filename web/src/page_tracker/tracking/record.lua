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
-- What a sender did today is for memory only. The file of Redis shall not tell it.

local prefix = KEYS[1]
local day, hour, page, title, id, event, reason, visitor, salt, address, network, rate,
  site_rate, minute, most_pages, most_values, longest, most_bytes, forgets, forgets_id,
  expires = unpack(ARGV, 1, 21)
rate, site_rate, minute = tonumber(rate), tonumber(site_rate), tonumber(minute)
most_pages, most_values = tonumber(most_pages), tonumber(most_values)
longest, most_bytes = tonumber(longest), tonumber(most_bytes)
local FIRST_DIMENSION = 22 -- from there on: a name, its value, and so on

local OTHER = '(other)'
-- Names of ours have room in each sorted set: a full one still counts them.
local OURS = {[OTHER] = true, ['(direct)'] = true, ['(internal)'] = true,
  ['(unknown)'] = true}
local DAY = 86400

local WIDER = 10 -- A network of addresses may send so many times as much as one.
local MINUTES_A_DAY = 100 -- A day has room for so many minutes at the limit.
local SENDER = '<I4I4I4I4' -- the minute, its views, the day's views, the bytes of names
local BYTES_OF_ROW = 80 -- what a name takes beside its text

local totals = prefix .. 'totals'
local pages, pages_uniques = prefix .. 'pages', prefix .. 'pages:uniques'
local titles = prefix .. 'titles'
local today = prefix .. 'day:' .. day .. ':'
local senders, proposals = today .. 'senders', today .. 'titles'

-- The bytes of names that this view adds, and whether its sender may add none today.
local added, is_over = 0, false

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
  return #value <= longest and not is_over and size_of(key, most_values) <= most_values
end

-- A page that has numbers already keeps its name on a new day.
local function may_add_page(_, name)
  return #name <= longest and not is_over and (redis.call('ZSCORE', pages, name)
    or size_of(pages, most_pages) < most_pages)
end

local function increment(key, field, amount)
  if redis.call('HINCRBY', key, field, amount) == amount then
    redis.call('EXPIREAT', key, expires, 'NX')
  end
end

-- Sets fields of a hash in memory only, until the salt of the day goes.
local function set_in_memory(key, ...)
  redis.set_repl(redis.REPL_NONE)
  if redis.call('HSET', key, ...) > 0 then
    redis.call('EXPIREAT', key, forgets, 'NX')
  end
  redis.set_repl(redis.REPL_ALL)
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
    site[1] or '0', site[2] or '0', 0,
  }
end

-- A view on its way must not bring a removed site back.
local since = redis.call('HGET', totals, 'since')
if not since then
  return {'unknown site', 0, page, '0', '0', '0', '0', '0', 0}
end

if salt ~= '' then
  local stored = redis.call('SET', today .. 'salt', salt, 'NX', 'GET', 'EXAT', forgets)
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

-- The limits of the sender, of the network around it, and of the site as a whole.
local limits = {}
if rate > 0 then
  table.insert(limits, {address, 'rate', rate})
  if network ~= '' then
    table.insert(limits, {network, 'rate', WIDER * rate})
  end
end
if site_rate > 0 then
  table.insert(limits, {'site', 'site rate', site_rate})
end

local entries = {}
if reason == '' and #limits > 0 then
  for _, limit in ipairs(limits) do
    local name, refusal, most = unpack(limit)
    local at, views, views_today, bytes = minute, 0, 0, 0
    local stored = redis.call('HGET', senders, name)
    if stored then
      at, views, views_today, bytes = struct.unpack(SENDER, stored)
    end
    if at ~= minute then
      views = 0
    end
    if views >= most or views_today >= MINUTES_A_DAY * most then
      reason = refusal
      break
    end
    is_over = is_over or (name == address and bytes >= most_bytes)
    table.insert(entries, {minute, views + 1, views_today + 1, bytes})
  end
end

if reason ~= '' then
  increment(today .. 'filtered', reason, 1)
  return numbers(0)
end

-- Notes the view with its limits, and the names that it added with its sender.
local function note_sender()
  if #entries == 0 then
    return
  end
  if rate > 0 then
    entries[1][4] = entries[1][4] + added
  end
  local fields = {}
  for place, entry in ipairs(entries) do
    table.insert(fields, limits[place][1])
    table.insert(fields, struct.pack(SENDER, unpack(entry)))
  end
  set_in_memory(senders, unpack(fields))
end

-- A view that was not counted leaves no id: it may count later, and a bot can invent any
-- number of ids.
if id ~= '' then
  redis.call('SET', seen, '1', 'EXAT', forgets_id)
end

if event ~= '' then
  add(today .. 'events', event, 1, expires, may_add_value)
  note_sender()
  return numbers(0)
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
    visitor_of_page = visitor .. sent_page -- pages that share a count share no visitor
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

-- Returns whether a page gets a title. One sender alone cannot rename a page: it keeps
-- its title until two senders in a row send the same new one.
local function takes_title()
  local known = redis.call('HGET', titles, page)
  if not known then
    added = added + #page + #title + BYTES_OF_ROW
    return not is_over
  end
  if known == title or rate == 0 then
    return known ~= title
  end
  local proposed = redis.call('HGET', proposals, page) or ''
  local by, other = proposed:match('^(%d+) (.*)$')
  if other == title and by ~= address then
    return true
  end
  -- Who asked for privacy is no visitor, and proposes nothing.
  if visitor ~= '' and not is_over then
    added = added + #page + #title + BYTES_OF_ROW
    set_in_memory(proposals, page, address .. ' ' .. title)
  end
  return false
end

if title ~= '' and page ~= OTHER and takes_title() then
  redis.call('HSET', titles, page, title)
end

for i = FIRST_DIMENSION, #ARGV, 2 do
  add(today .. ARGV[i], ARGV[i + 1], 1, expires, may_add_value)
end
note_sender()

return {'', 0, page, views, uniques, views_today, site_views, site_uniques, needs_room}
