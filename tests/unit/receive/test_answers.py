"""Bytes that the receiver makes by itself are those that the libraries would make."""

from __future__ import annotations

import pytest
from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import PYNETDICOM_IMPLEMENTATION_UID
from pynetdicom.dimse_messages import C_STORE_RSP
from pynetdicom.dimse_primitives import C_STORE

from ctsma_node.receive.answers import stored
from ctsma_node.receive.part10 import preamble_and_meta


@pytest.mark.parametrize(("message_id", "uid"), [(1, "1.2.3"), (65535, "1.2.3.44"), (7, "1.2." + "3" * 60)])
def test_success_is_what_pynetdicom_would_answer(message_id: int, uid: str) -> None:
    answer = C_STORE()
    answer.MessageIDBeingRespondedTo = message_id
    answer.AffectedSOPClassUID, answer.AffectedSOPInstanceUID = CTImageStorage, uid
    answer.Status = 0x0000
    message = C_STORE_RSP()
    message.primitive_to_message(answer)
    (part,) = message.encode_msg(1, 0)
    ((_, expected),) = part.presentation_data_value_list
    assert expected[1:] == stored(message_id, CTImageStorage, uid)


@pytest.mark.parametrize("uid", ["1.2.3", "1.2.34", None])
@pytest.mark.parametrize("sender", ["PACS", "ODD", "A B", ""])
def test_file_meta_information_is_what_pydicom_would_write(uid: str | None, sender: str) -> None:
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\0\1"
    if uid is not None:
        meta.MediaStorageSOPClassUID = meta.MediaStorageSOPInstanceUID = UID(uid)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = PYNETDICOM_IMPLEMENTATION_UID
    meta.SendingApplicationEntityTitle, meta.ReceivingApplicationEntityTitle = sender, "CTSMA"
    meta.FileMetaInformationGroupLength = 0
    stream = DicomBytesIO(b"")
    write_file_meta_info(stream, meta, enforce_standard=False)
    found = preamble_and_meta(uid, uid, ExplicitVRLittleEndian, sender, "CTSMA")
    assert found == b"\0" * 128 + b"DICM" + stream.getvalue()
