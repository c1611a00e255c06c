"""Every code of the archive reader with its sentence; codes are stable, sentences may improve.

A sentence says what is wrong, where, and what to do. No name, birth date or free text of a header enters one;
paths are relative to the archive.
"""

from __future__ import annotations

from ctsma_node.errors import Refused

FILES: dict[str, str] = {
    "empty_file": "The file has no bytes: copy it again from the archive.",
    "not_dicom": "The file is no DICOM instance (no DICM prefix and no first element of group 0002 or 0008).",
    "unreadable": "The file begins as DICOM and cannot be read on: damaged or cut short; copy it again.",
    "no_identity": "SOP Class, SOP Instance or Series Instance UID is absent: export the instance again.",
    "no_permission": "The system refuses to open it: give the account that runs this command read access.",
    "not_a_file": "A socket, pipe or device, not a file: move it out of the archive.",
    "broken_link": "A symbolic link whose target is not there: copy the target, or remove the link.",
    "symlink_loop": "A symbolic link to a folder that was walked already: it is not entered a second time.",
    "name_not_utf8": "The name of this file or folder is not UTF-8: rename it (convmv does whole trees).",
    "dicomdir": "A DICOMDIR; it is not needed, since every file of the tree is read by itself.",
    "dicomdir_lists_missing": "The DICOMDIR lists {count} files that are not there: copy the medium again.",
    "deflated": "A deflated instance may inflate without bound: export it as explicit VR little endian.",
    "no_image": "The instance is no image (report, plan, presentation state or raw data).",
    "duplicate_copy": "An exact copy of {other}: one of the two is used.",
}

KINDS: dict[str, str] = {
    "other_modality": "Modality (0008,0060) or SOP Class is neither CT nor MR.",
    "mixed_modality": "One Series Instance UID holds {count} modalities or SOP classes.",
    "several_patients": "One Series Instance UID names {count} patients (0010,0020): have it corrected.",
    "several_studies": "One Series Instance UID stands in {count} studies (0020,000D): have it corrected.",
    "secondary_capture": "Secondary captures by SOP Class or Conversion Type (0008,0064), not slices.",
    "localizer": "A localizer by Image Type (0008,0008) or by its descriptions.",
    "derived": "Derived by Image Type (0008,0008): use the scanner's own, or set allow_derived_primary.",
    "projection": "Projections, renderings or maps by Image Type (0008,0008), not slices.",
    "phase_image": "Phase, real or imaginary part by Image Type (0008,0008): the magnitude is used.",
    "burned_in_annotation": "Burned In Annotation (0028,0301) is YES: pixels are overwritten.",
    "colour_pixels": "Colour or palette pixels (0028,0004), or fewer than 10 bits: no measured values.",
    "other_body_part": "Body part, protocol or description names another part of the body than the knee.",
    "contradicting_body_part": "Body Part Examined says knee, protocol or description another part.",
    "other_sequence": "The MR is no balanced steady-state gradient echo (BFFE, TrueFISP, FIESTA): {why}.",
    "two_dimensional": "MR Acquisition Type (0018,0023) is 2D: trabeculae need the 3D acquisition.",
}

PIXELS: dict[str, str] = {
    "missing_pixels": "{count} instances hold no Pixel Data (7FE0,0010): export images, not headers alone.",
    "truncated_pixels": "Pixel Data (7FE0,0010) is cut short in {count} instances: copy the series again.",
    "undecodable_pixels": "Pixel Data cannot be decoded: export the series uncompressed.",
    "unsupported_transfer_syntax": "The transfer syntax of {count} instances cannot be decoded here.",
    "lossy_compressed": "{count} instances are lossy compressed, unfit for texture: export the original.",
    "unreadable_files": "{count} of {total} files are not there any more: make the manifest anew.",
    "series_changed": "{count} slices of that matrix, the manifest says {total}: make the manifest anew.",
    "no_calibrated_hu": "Rescale Slope or Intercept is absent, or the unit is not HU: no Hounsfield units.",
}

GEOMETRY: dict[str, str] = {
    "no_geometry": "{count} of {total} slices lack position, orientation or Pixel Spacing (0028,0030).",
    "mixed_frame_of_reference": "The slices lie in {count} frames of reference (0020,0052).",
    "mixed_matrix": "Rows, Columns or Pixel Spacing differ in {count} of {total} slices.",
    "several_orientations": "{count} of {total} slices have another orientation than the first.",
    "duplicate_instance": "{count} SOP Instance UIDs come twice with different pixels or places.",
    "duplicate_positions": "{count} planes hold more than one slice with different pixels.",
    "too_few_slices": "{count} slices, at least {limit} are needed.",
    "missing_slices": "{count} slices are missing between the {total} found: copy the series again.",
    "uneven_spacing": "Not evenly spaced: one slice lies {stray:.2f} mm from its place.",
    "tilted_stack": "The stack is sheared by {tilt:.1f} degrees, or its slices are shifted.",
    "too_thick_slices": "Slices every {value:.2f} mm, at most {limit:g} mm can be used.",
    "coarse_pixels": "Pixels of {value:.2f} mm, at most {limit:g} mm can be used.",
    "contradicting_side": "Its own attributes name both sides of the body: correct Laterality or the names.",
    "side_unknown": "No attribute says which knee it is, and no other series of the patient tells.",
}

PATIENTS: dict[str, str] = {
    "no_patient_id": "Patient ID (0010,0020) is empty: nothing can be paired by it.",
    "two_people_one_id": "Series of one Patient ID differ in birth date or sex: two people, or an error.",
    "one_person_two_ids": "Another Patient ID or Issuer has the same name, and nothing tells the two apart.",
    "no_mr": "No usable MR of {side} to pair with.",
    "no_ct": "No usable CT of {side} to pair with.",
    "too_many_days": "The nearest scan of the other modality is {days} days away, at most {limit} may be.",
    "not_chosen": "Another series of the same knee is nearer in time or finer.",
    "two_alike": "{count} {modality} series that no rule tells apart; taken: lowest series number, then UID.",
}

REMARKS: dict[str, str] = {
    "undeclared_character_set": "Non-ASCII text without a Specific Character Set (0008,0005) that fits it.",
    "sequence_by_values": "Taken as balanced by its values (GR, SS, TE about TR / 2); no name says so.",
    "body_part_not_named": "No attribute names a part of the body; taken as a knee.",
    "side_from_other": "The side is not in the header; it was taken from {source}.",
    "no_date": "One of the two has no date: the days between are unknown.",
    "slices_set_aside": "{count} localizers or captures within the series are not used.",
}

TABLES: dict[str, str] = {
    "clinical_value": "{table}, row {row}, column {column}: {why}. The whole row is left out.",
    "clinical_duplicate": "{table}, row {row}: the knee has a row already (row {first}); both are left out.",
    "clinical_no_images": "{table}, row {row}: no pair of this patient and side was found.",
    "clinical_missing": "The pair has no row in the clinical table.",
    "clinical_column": "{table}: column {column} is not known and was not read.",
    "nifti_unassigned": "A NIfTI file that no row of the pair table and no folder of the convention names.",
    "nifti_value": "{table}, row {row}, column {column}: {why}. The row is left out.",
    "nifti_not_3d": "The NIfTI image has {count} axes, three are needed.",
    "nifti_twice": "The folder holds the image twice; {other} is taken: remove the one that is not meant.",
    "nifti_two_folders": "{other} has the same patient's ID: two people, or two visits? Use a pair table.",
    "nifti_one_only": "The folder has no {missing}: a pair is ct and mr beside one another.",
}

EXPORT: dict[str, str] = {
    "burned_in_risk": "Pixels may show who the patient is ({why}): not exported.",
    "unwritable": "An instance cannot be written as DICOM again: not exported.",
}

REASONS: dict[str, str] = FILES | KINDS | PIXELS | GEOMETRY | PATIENTS | REMARKS | TABLES | EXPORT


def refused(code: str, **figures: object) -> Refused:
    """The refusal of one code, its sentence completed with counts and measures."""
    return Refused(code, REASONS[code].format(**figures))
