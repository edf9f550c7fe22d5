-- Counts views of a site, all of one hour, in one atomic step. Returns the numbers of page
-- and site after each view, as if the views had come one by one.
--
-- KEYS[1] is the prefix of the site's keys (`keys.py` lists them). No key has that name.
-- While a Redis Cluster moves their slot, key by key, Redis redirects for a missing key.
-- So the script never runs on half of a site.
--
-- ARGV[1] has the views and their senders, as `wire.py` names them. JSON has no bytes, so
-- ARGV[2] is the salt of the day, and what follows is the visitor of each sender.
--
-- If the site was removed, the answer is {"unknown site"}. If the day has another salt,
-- it is {"salt", that salt, the milliseconds that Redis keeps it}. Nothing was changed.
--
-- The salt, and the views of senders in this minute, are for memory only: the file of
-- Redis does not get them.

local prefix, call, salt = KEYS[1], cjson.decode(ARGV[1]), ARGV[2]

local DIMENSIONS = {'referrer', 'campaign', 'browser', 'system', 'device', 'language',
  'country'}
local OTHER = '(other)'
-- Names of ours have room in each sorted set: a full one still counts them.
local OURS = {[OTHER] = true, ['(direct)'] = true, ['(internal)'] = true,
  ['(unknown)'] = true}
local BYTES_OF_ROW = 80 -- what a name takes beside its text

local totals = prefix .. 'totals'
local pages, pages_uniques = prefix .. 'pages', prefix .. 'pages:uniques'
local titles = prefix .. 'titles'
local rates = prefix .. 'rate:' .. call.minute
local today = prefix .. 'day:' .. call.day .. ':'
local pages_today, uniques_today = today .. 'pages', today .. 'uniques'

-- The view that is counted now, its sender, and the bytes of names that it adds
local view, sender, added

-- What the views of this call changed, and Redis gets at its end
local new_views, new_uniques, refused, visitors = 0, 0, {}, {}
local views_in_minute, changed_in_minute = {}, {} -- by group of senders
local sums, unsaved = {}, {} -- of sorted sets, by key and member

-- What Redis told, so that the next view need not ask
local site_views, site_uniques -- before this call
local known_titles, estimates = {}, {} -- by page; of visitors, by key

-- Runs a command whose effect stays in memory.
local function in_memory(...)
  redis.set_repl(redis.REPL_NONE)
  local answer = redis.call(...)
  redis.set_repl(redis.REPL_ALL)
  return answer
end

-- Returns the number of members of a sorted set. "(other)" does not count.
local function size_of(key, most)
  local size = redis.call('ZCARD', key)
  return size >= most and redis.call('ZSCORE', key, OTHER) and size - 1 or size
end

-- Returns the number of a member of a sorted set, or nil.
local function sum_of(key, member)
  return sums[key] and sums[key][member]
    or tonumber(redis.call('ZSCORE', key, member) or nil)
end

-- Adds a number to a member of a sorted set. Returns the sum and the member: "(other)"
-- if the member is new and must not be. Redis gets the first change of a member at once,
-- and the later ones at the end of the call.
local function add(key, member, amount, lifetime, may_add)
  local sum = sums[key] and sums[key][member]
  if sum then
    sum = sum + amount
    unsaved[key] = unsaved[key] or {}
    unsaved[key][member] = sum
  else
    sum = tonumber(redis.call('ZINCRBY', key, amount, member))
    if sum == amount then
      if may_add and not OURS[member] and not may_add(key, member) then
        redis.call('ZREM', key, member)
        return add(key, OTHER, amount, lifetime)
      end
      if member ~= OTHER then
        added = added + #member + BYTES_OF_ROW
      end
      if lifetime then
        redis.call('EXPIREAT', key, lifetime, 'NX')
      end
    end
  end
  if #call.views > 1 then -- a view alone asks for nothing twice
    sums[key] = sums[key] or {}
    sums[key][member] = sum
  end
  return sum, member
end

local function may_add_value(key, value)
  return #value <= call.longest and view.may_name
    and size_of(key, call.most_values) <= call.most_values
end

-- A page that has numbers already keeps its name on a new day. In a site that has half
-- of its pages, another one needs two senders: one alone can invent any number.
local function may_add_page(_, page)
  if #page > call.longest or not view.may_name then
    return false
  end
  if redis.call('ZSCORE', pages, page) then
    return true
  end
  local size = size_of(pages, call.most_pages)
  return size < call.most_pages and (view.is_page_seconded or 2 * size < call.most_pages)
end

local function increment(key, field, amount)
  if redis.call('HINCRBY', key, field, amount) == amount then
    redis.call('EXPIREAT', key, call.expires, 'NX')
  end
end

-- Says whether a group of senders, or the site, has its views of this minute.
local function is_full(group, most)
  return most > 0 and group ~= '' and views_in_minute[group] >= most
end

local function count_in_minute(group, most)
  if most > 0 and group ~= '' then
    views_in_minute[group] = views_in_minute[group] + 1
    changed_in_minute[group] = true
  end
end

-- Returns the reason not to count the view. Otherwise counts it for the limits of this
-- minute: of the sender, of the network around it, and of the site.
local function reason_against()
  if view.reason ~= '' then
    return view.reason
  end
  if is_full(sender.address, call.rate) or is_full(sender.network, call.network_rate) then
    return 'rate'
  end
  if is_full('site', call.site_rate) then
    return 'site rate'
  end
  count_in_minute(sender.address, call.rate)
  count_in_minute(sender.network, call.network_rate)
  count_in_minute('site', call.site_rate)
  return ''
end

-- Returns the reply of a view that changes no number.
local function numbers(reason, repeated)
  local page = view.page
  local views = sum_of(pages, page)
  if not views and
    (#page > call.longest or redis.call('ZCARD', pages) > call.most_pages) then
    page = OTHER
    views = sum_of(pages, page)
  end
  return {
    reason, repeated, page == OTHER and 1 or 0,
    views or 0,
    sum_of(pages_uniques, page) or 0,
    sum_of(pages_today, page) or 0,
    site_views + new_views, site_uniques + new_uniques, 0, added,
  }
end

-- Counts the visitor of a page. Returns by how much the page's unique views grow.
local function add_visitor(visitor, page, views_today)
  table.insert(visitors, visitor)
  local key = today .. 'visitors:' .. page
  if page == OTHER then
    -- Pages that share a count share no visitor.
    visitor = visitor .. redis.sha1hex(view.page):sub(1, 8)
  end
  local before = estimates[key] or redis.call('PFCOUNT', key)
  estimates[key] = before
  if redis.call('PFADD', key, visitor) == 0 then
    return 0
  end
  if before == 0 then
    redis.call('EXPIREAT', key, call.forgets, 'NX')
  end
  -- A first view changes the estimate by one; by none or two where it is rounded. Among
  -- thousands of visitors the estimate can be too large. Every unique view is a view.
  estimates[key] = redis.call('PFCOUNT', key)
  local others = views_today - (sum_of(uniques_today, page) or 0)
  return math.max(0, math.min(estimates[key] - before, others))
end

-- One sender alone cannot rename a page: it keeps its title until two senders in a row
-- send the same new one.
local function set_title(page, title)
  local known = known_titles[page] or redis.call('HGET', titles, page)
  local is_new = not known and view.may_name
  if is_new then
    added = added + #page + #title + BYTES_OF_ROW
  end
  if is_new or (known and known ~= title and view.is_title_seconded) then
    redis.call('HSET', titles, page, title)
    known = title
  end
  known_titles[page] = known
end

-- Counts the view. Returns its reply, in the order of `wire.py`.
local function count()
  -- An id belongs to the page or the event that it was sent with.
  local seen
  if view.id ~= '' then
    local sent_with = redis.sha1hex(table.concat({view.id, view.event, view.page}, '\n'))
    seen = prefix .. 'seen:' .. sent_with:sub(1, 20)
    -- An older version remembered the id alone.
    if redis.call('EXISTS', seen, prefix .. 'seen:' .. view.id) > 0 then
      return numbers(view.reason, 1)
    end
  end

  local reason = reason_against()
  if reason ~= '' then
    refused[reason] = (refused[reason] or 0) + 1
    return numbers(reason, 0)
  end

  -- A view that was not counted leaves no id: it may count later, and a bot can invent
  -- any number of ids.
  if seen then
    redis.call('SET', seen, '1', 'EXAT', call.forgets_id)
  end

  if view.event ~= '' then
    add(today .. 'events', view.event, 1, call.expires, may_add_value)
    return numbers('', 0)
  end

  local views_today, page = add(pages_today, view.page, 1, call.expires, may_add_page)
  local views = add(pages, page, 1)
  new_views = new_views + 1

  -- A page that takes one of the last places, or finds none, calls for room.
  local needs_room = 0
  if page == OTHER or views == 1 then
    local last_places = math.floor(call.most_pages / 100)
    if size_of(pages, call.most_pages) >= call.most_pages - last_places then
      needs_room = 1
    end
  end

  local visitor, new, uniques = ARGV[2 + view.sender], 0, nil
  if visitor ~= '' then
    new = add_visitor(visitor, page, views_today)
  end
  if new > 0 then
    uniques = add(pages_uniques, page, new)
    add(uniques_today, page, new, call.expires)
    new_uniques = new_uniques + new
  else
    uniques = sum_of(pages_uniques, page) or 0
  end

  if view.title ~= '' and page ~= OTHER then
    set_title(page, view.title)
  end

  for _, dimension in ipairs(DIMENSIONS) do
    local value = view[dimension] or sender[dimension]
    if value ~= '' then
      add(today .. dimension, value, 1, call.expires, may_add_value)
    end
  end

  return {'', 0, page == OTHER and 1 or 0, views, uniques, views_today,
    site_views + new_views, site_uniques + new_uniques, needs_room, added}
end

-- A view on its way must not bring a removed site back.
local since
since, site_views, site_uniques = unpack(
  redis.call('HMGET', totals, 'since', 'views', 'uniques'))
if not since then
  return {'unknown site'}
end
site_views, site_uniques = tonumber(site_views or 0), tonumber(site_uniques or 0)

if salt ~= '' then
  local key = today .. 'salt'
  local stored = in_memory('SET', key, salt, 'NX', 'GET', 'EXAT', call.forgets)
  if stored and stored ~= salt then
    return {'salt', stored, redis.call('PTTL', key)}
  end
end

local groups = {'site'}
for _, one in ipairs(call.senders) do
  table.insert(groups, one.address)
  table.insert(groups, one.network)
end
for place, views in ipairs(redis.call('HMGET', rates, unpack(groups))) do
  views_in_minute[groups[place]] = tonumber(views or 0)
end

local replies = {}
for _, one in ipairs(call.views) do
  view, sender, added = one, call.senders[one.sender], 0
  local is_done, reply = pcall(count) -- an error of one view harms no other
  table.insert(replies, is_done and reply or redis.error_reply(reply))
end

for key, members in pairs(unsaved) do
  local scores = {}
  for member, sum in pairs(members) do
    table.insert(scores, sum)
    table.insert(scores, member)
  end
  redis.call('ZADD', key, unpack(scores))
end
if new_views > 0 then
  redis.call('HINCRBY', totals, 'views', new_views)
  increment(today .. 'hours', call.hour, new_views)
  if call.day < since then
    redis.call('HSET', totals, 'since', call.day)
  end
end
if new_uniques > 0 then
  redis.call('HINCRBY', totals, 'uniques', new_uniques)
  increment(today .. 'hours:uniques', call.hour, new_uniques)
end
if #visitors > 0 and redis.call('PFADD', today .. 'visitors', unpack(visitors)) == 1 then
  redis.call('EXPIREAT', today .. 'visitors', call.expires, 'NX')
end
for reason, views in pairs(refused) do
  increment(today .. 'filtered', reason, views)
end
local of_groups = {}
for group in pairs(changed_in_minute) do
  table.insert(of_groups, group)
  table.insert(of_groups, views_in_minute[group])
end
if #of_groups > 0 and in_memory('HSET', rates, unpack(of_groups)) > 0 then
  in_memory('EXPIRE', rates, 120, 'NX')
end
return replies
