"""The radiomics baseline of Table 5: features of CT patches and a regressor on them.

Features are defined by the Image Biomarker Standardisation Initiative, IBSI (Zwanenburg et al., Radiology
2020; 295: 328-338; reference manual arXiv:1612.07003). Libraries that follow it were tried on Python 3.11:
pyradiomics has no wheel; mirp 2.7 needs a scipy that antspyx refuses, and takes 0.15 s a patch. What is here
is of the same definitions, is tested against the manual's reference values and against mirp's (whose author
leads the initiative), and takes 2 ms.
"""
