-- Routes knee CTs from Orthanc to a CTSMA node, instance by instance as they come in, and nothing else.
-- The node is the modality "ctsma" of orthanc.json. Its results come back by C-STORE and are not routed again.

local NODE = 'ctsma'

-- Looked for in the descriptions, whatever the case; add the words of the site.
local KNEE = { 'knee', 'knie', 'genou', 'rodilla', 'ginocchio', 'joelho', 'kolano' }
local DESCRIPTIONS = { 'BodyPartExamined', 'SeriesDescription', 'StudyDescription', 'ProtocolName' }

local function shows_knee(tags)
  for _, name in ipairs(DESCRIPTIONS) do
    local text = string.lower(tags[name] or '')
    for _, word in ipairs(KNEE) do
      if string.find(text, word, 1, true) then
        return true
      end
    end
  end
  return false
end

local function is_scanned_ct(tags)
  local kind = tags['ImageType'] or ''
  return tags['Modality'] == 'CT'
    and tags['Manufacturer'] ~= 'ctsma-node' -- the analysed volume is CT, too
    and not string.find(kind, 'LOCALIZER', 1, true)
end

function OnStoredInstance(instanceId, tags, metadata, origin)
  if origin['RequestOrigin'] ~= 'Lua' and is_scanned_ct(tags) and shows_knee(tags) then
    SendToModality(instanceId, NODE) -- queued; one association carries many
  end
end
