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
-- The salt, the views of senders in this minute, and what happens now (live), are for
-- memory only: the file of Redis does not get them. `forgetting.py` tells how a rewrite
-- of the file leaves out salts and last views.

local prefix, call, salt = KEYS[1], cjson.decode(ARGV[1]), ARGV[2]

local DIMENSIONS = {'referrer', 'campaign', 'browser', 'system', 'device', 'language',
  'country'}
local OTHER = '(other)'
-- Names of ours have room in each sorted set: a full one still counts them.
local OURS = {[OTHER] = true, ['(direct)'] = true, ['(internal)'] = true,
  ['(unknown)'] = true}
local BYTES_OF_ROW = 80 -- what a name takes beside its text
local MOST_LAST = 50 -- views of a minute that are listed; up to twice as many are kept

local totals = prefix .. 'totals'
local pages, pages_uniques = prefix .. 'pages', prefix .. 'pages:uniques'
local titles = prefix .. 'titles'
local rates = prefix .. 'rate:' .. call.minute
local today = prefix .. 'day:' .. call.day .. ':'
local pages_today, uniques_today = today .. 'pages', today .. 'uniques'
local dimensions = {}
for place, dimension in ipairs(DIMENSIONS) do
  dimensions[place] = today .. dimension
end
local page_sources = today .. 'page-sources'

-- The view that is counted now, its sender, and the bytes of names that it adds
local view, sender, added

-- What the views of this call changed, and Redis gets at its end
local new_views, new_uniques, new_visitors, refused = 0, 0, 0, {}
local visitors, viewers = {}, {} -- those who sent only events are no viewers
local last_views = {}
local views_in_minute, changed_in_minute = {}, {} -- by group of senders
local sums, unsaved = {}, {} -- of sorted sets, by key and member

-- What Redis told, so that the next view need not ask
local site_views, site_uniques -- before this call
local site_visitors -- the sum of those of all days; nil until somebody asks for it
local known_titles, estimates = {}, {} -- by page; of visitors, by key

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

-- A pair consists of names that were counted, so it is never too long.
local function may_add_pair(key)
  return view.may_name and size_of(key, call.most_values) <= call.most_values
end

local function may_add_value(key, value)
  return #value <= call.longest and may_add_pair(key)
end

local function add_pair(key, name, other)
  add(key, name .. '\t' .. other, 1, call.expires, may_add_pair)
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

-- Returns the name under which the page counts, and its views.
local function known_page()
  local page = view.page
  local views = sum_of(pages, page)
  if not views and
    (#page > call.longest or redis.call('ZCARD', pages) > call.most_pages) then
    page = OTHER
    views = sum_of(pages, page)
  end
  return page, views or 0
end

-- Returns the reply of a view that changes no number.
local function numbers(reason, repeated)
  local page, views = known_page()
  return {
    reason, repeated, page == OTHER and 1 or 0,
    views,
    sum_of(pages_uniques, page) or 0,
    sum_of(pages_today, page) or 0,
    site_views + new_views, site_uniques + new_uniques, 0, added,
    site_visitors and site_visitors + new_visitors or -1,
  }
end

-- Counts a visitor of the day. Redis gets those of a call together, unless the visitors of
-- all days are summed.
local function add_day_visitor(visitor)
  if not site_visitors then
    table.insert(visitors, visitor)
    return
  end
  local key = today .. 'visitors'
  local before = estimates[key] or redis.call('PFCOUNT', key)
  if redis.call('PFADD', key, visitor) == 1 then
    if before == 0 then
      redis.call('EXPIREAT', key, call.expires, 'NX')
    end
    estimates[key] = redis.call('PFCOUNT', key)
    new_visitors = new_visitors + math.max(0, estimates[key] - before)
  else
    estimates[key] = before
  end
end

-- Counts a visitor of a page or an event. `name` is its own name; `counted` the one under
-- which it counts, `number` times today. `known` has the visitors of each. Returns by how
-- much they grow.
local function add_visitor(visitor, kind, name, counted, number, known)
  local key = today .. kind .. counted
  if counted == OTHER then
    -- Names that share a count share no visitor.
    visitor = visitor .. redis.sha1hex(name):sub(1, 8)
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
  local others = number - (sum_of(known, counted) or 0)
  return math.max(0, math.min(estimates[key] - before, others))
end

-- One sender alone cannot rename a page: it keeps its title until two senders in a row
-- send the same new one.
local function set_title(page, title)
  local known = known_titles[page]
  if known == nil then
    known = redis.call('HGET', titles, page)
  end
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

local function count_event(visitor)
  local events_today, event_pages = today .. 'events', today .. 'event-pages'
  local event_visitors = today .. 'events:visitors'
  local times, event = add(events_today, view.event, 1, call.expires, may_add_value)
  add_pair(event_pages, event, known_page())
  if visitor ~= '' then
    local new = add_visitor(visitor, 'event:', view.event, event, times, event_visitors)
    if new > 0 then
      add(event_visitors, event, new, call.expires)
    end
  end
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

  local visitor = ARGV[2 + view.sender]
  if visitor ~= '' then
    add_day_visitor(visitor)
  end
  if view.event ~= '' then
    count_event(visitor)
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

  local new, uniques = 0, nil
  if visitor ~= '' then
    table.insert(viewers, visitor)
    new = add_visitor(visitor, 'visitors:', view.page, page, views_today, uniques_today)
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

  local source
  for place, dimension in ipairs(DIMENSIONS) do
    local value = view[dimension] or sender[dimension]
    if value ~= '' then
      local _, counted = add(dimensions[place], value, 1, call.expires, may_add_value)
      source = source or counted -- the referrer is the first one
    end
  end
  if not OURS[view.referrer] then
    add_pair(page_sources, page, source)
  end
  if call.is_live and sender.is_told then
    last_views[#last_views + 1] = page .. '\t' .. source .. '\t' .. sender.country
  end

  return {'', 0, page == OTHER and 1 or 0, views, uniques, views_today,
    site_views + new_views, site_uniques + new_uniques, needs_room, added,
    site_visitors and site_visitors + new_visitors or -1}
end

-- A view on its way must not bring a removed site back.
local since
since, site_views, site_uniques, site_visitors = unpack(
  redis.call('HMGET', totals, 'since', 'views', 'uniques', 'visitors'))
if not since then
  return {'unknown site'}
end
site_views, site_uniques = tonumber(site_views or 0), tonumber(site_uniques or 0)
site_visitors = tonumber(site_visitors or nil)

if salt ~= '' then
  local key = today .. 'salt'
  redis.set_repl(redis.REPL_NONE)
  local stored = redis.call('SET', key, salt, 'NX', 'GET', 'EXAT', call.forgets)
  redis.set_repl(redis.REPL_ALL)
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

-- Asks for what each view needs, in one command for all.
if #call.views > 1 then
  local names = {}
  for place, one in ipairs(call.views) do
    names[place] = one.page
  end
  local scores = redis.call('ZMSCORE', pages_uniques, unpack(names))
  local texts = redis.call('HMGET', titles, unpack(names))
  sums[pages_uniques] = {}
  for place, page in ipairs(names) do
    sums[pages_uniques][page] = tonumber(scores[place] or nil)
    known_titles[page] = texts[place]
  end
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
if new_visitors > 0 then
  redis.call('HINCRBY', totals, 'visitors', new_visitors)
end
if #visitors > 0 and redis.call('PFADD', today .. 'visitors', unpack(visitors)) == 1 then
  redis.call('EXPIREAT', today .. 'visitors', call.expires, 'NX')
end
for reason, views in pairs(refused) do
  increment(today .. 'filtered', reason, views)
end

-- A month that is over has sums, or a process makes them now.
if call.past_month ~= '' then
  local month = prefix .. 'month:' .. call.past_month .. ':'
  redis.call('UNLINK', month .. 'days', month .. 'summing')
end

-- From here on, all stays in memory.
redis.set_repl(redis.REPL_NONE)
local of_groups = {}
for group in pairs(changed_in_minute) do
  table.insert(of_groups, group)
  table.insert(of_groups, views_in_minute[group])
end
if #of_groups > 0 and redis.call('HSET', rates, unpack(of_groups)) > 0 then
  redis.call('EXPIRE', rates, 120, 'NX')
end
if call.is_live and new_views > 0 then
  local live, begins = prefix .. 'live:' .. call.minute, call.minute * 60
  if redis.call('INCRBY', live, new_views) == new_views then
    redis.call('EXPIREAT', live, begins + 60 * 60)
  end
  local number = #last_views
  if number > 0 then
    local last = live .. ':last'
    local first = math.max(1, number - MOST_LAST + 1)
    local length = redis.call('LPUSH', last, unpack(last_views, first))
    if length == number - first + 1 then
      redis.call('EXPIREAT', last, begins + 30 * 60)
    elseif length > 2 * MOST_LAST then -- not at each view
      redis.call('LTRIM', last, 0, MOST_LAST - 1)
    end
  end
  if #viewers > 0 and redis.call('PFADD', live .. ':visitors', unpack(viewers)) == 1 then
    redis.call('EXPIREAT', live .. ':visitors', begins + 10 * 60)
  end
end
return replies
